import packageJson from '../package.json' with { type: 'json' };

/** The version of this Holdfast, as it stands in every manifest that it writes. */
export const holdfastVersion: string = packageJson.version;
