/** The file that is read when none is named, in the working directory. */
export const defaultConfigFile = 'holdfast.yaml';

/** Everything of the demo is in this folder of the working directory; removing it removes the demo. */
export const demoFolder = '.demo';
export const demoConfigFile = `${demoFolder}/holdfast.yaml`;
