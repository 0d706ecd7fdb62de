import type { SourceName, Truth } from './sources.ts';

/** What all runs of a campaign share: begun once, told to every worker. Plain JSON. */
export type Shared = {
  /** The task image's own program, bundled. */
  readonly program: string;
  /** Where runs keep their files; removed with the campaign. */
  readonly folder: string;
  readonly postgres: {
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly binDir: string;
  };
  /** Where workers keep their catalogs: another server, since an index does not live on what it indexes. */
  readonly catalogPort: number;
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly bucket: string;
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
  };
  /** What a faultless backup of each database has to give back. */
  readonly truths: Readonly<Record<SourceName, Truth>>;
  /** The SHA-256 of the cluster's globals as text. */
  readonly globals: string;
  /** Texts that stand in rows, and must not stand anywhere else in the clear. */
  readonly canaries: readonly string[];
  /** The library that gives a process another clock. */
  readonly faketime: string;
};
