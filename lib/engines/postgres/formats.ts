/** What the streams of a logical backup are written in; `format` of their records. */
export const databaseFormat = 'pg_dump-custom';
export const globalsFormat = 'pg_dumpall-globals';
