import * as z from 'zod';
import { postgresBaseShape } from '../../../config/targets/postgres.ts';
import { type Method, methodSchema } from '../../../core/vocabulary.ts';
import type { EngineContext } from '../../engine.ts';

const optionsSchema = z.object({
  base: z.object(postgresBaseShape).prefault({}),
  backups: z.array(z.object({ method: methodSchema })).default([]),
});

/** How base backups of a target are asked for. */
export type BaseSettings = z.infer<typeof optionsSchema>['base'];

/** The settings that the target's configuration has. */
export const baseSettings = ({ options }: Pick<EngineContext, 'options'>): BaseSettings =>
  optionsSchema.parse(options).base;

/** Of which methods the target has backups by its schedules. */
export const scheduledMethods = ({ options }: Pick<EngineContext, 'options'>): readonly Method[] =>
  optionsSchema.parse(options).backups.map(({ method }) => method);

/** Does a method read the cluster's files over the replication protocol? */
export const isPhysical = (method: Method): boolean =>
  method === 'base' || method === 'incremental' || method === 'differential';
