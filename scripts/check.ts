import { runSteps, runTests, staticSteps } from './steps.ts';
import { quickTestFiles } from './test-files.ts';

// npm run check: what can be known in two minutes with nothing but the packages.
const isClean = await runSteps(staticSteps);
const testsCode = await runTests(quickTestFiles());
process.exitCode = isClean ? testsCode : 1;
