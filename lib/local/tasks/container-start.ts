import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LocalContainer } from '../model.ts';

/** What a container starts: program and arguments, and the folder that is its working directory in the image. */
export type ContainerStart = {
  readonly program: string;
  readonly arguments: readonly string[];
  /** The image's working directory; paths in the environment that lie under it are meant to lie in the build context. */
  readonly imageDirectory: string;
};

/**
 * How `container` starts, from its task definition or else from its Dockerfile's `ENTRYPOINT`, `CMD` and `WORKDIR`.
 * `command` is the override that a run gives. `node` is the Node.js that runs the stack.
 */
export function containerStart(container: LocalContainer, command: readonly string[] | undefined): ContainerStart {
  const image = readDockerfile(join(container.folder, container.dockerFile));
  const entryPoint = container.entryPoint ?? image.entryPoint;
  const defaultCommand = container.command.length > 0 ? container.command : image.command;
  const [program = 'node', ...rest] = [...entryPoint, ...(command ?? defaultCommand)];
  return {
    program: program === 'node' ? process.execPath : program,
    arguments: rest,
    imageDirectory: container.workingDirectory ?? image.workingDirectory,
  };
}

type DockerfileFacts = {
  readonly entryPoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string;
};

/** The last instruction of a kind counts, and only the exec form is read: the shell form would swallow SIGTERM. */
function readDockerfile(file: string): DockerfileFacts {
  const text = readFileSync(file, 'utf8').replaceAll(/\\\r?\n/g, ' ');
  const last = (instruction: string): string | undefined =>
    [...text.matchAll(new RegExp(`^\\s*${instruction}\\s+(.+)$`, 'gim'))].at(-1)?.[1]?.trim();
  const list = (value: string | undefined): readonly string[] =>
    value?.startsWith('[') ? (JSON.parse(value) as string[]) : [];
  return {
    entryPoint: list(last('ENTRYPOINT')),
    command: list(last('CMD')),
    workingDirectory: last('WORKDIR') ?? '/',
  };
}
