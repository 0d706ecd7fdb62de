import { z } from 'zod';
import { postgresBaseShape } from '../../../config/targets/postgres.ts';
import type { EngineContext } from '../../engine.ts';

const optionsSchema = z.object({ base: z.object(postgresBaseShape).prefault({}) });

/** How base backups of a target are asked for. */
export type BaseSettings = z.infer<typeof optionsSchema>['base'];

/** The settings that the target's configuration has. */
export const baseSettings = ({ options }: Pick<EngineContext, 'options'>): BaseSettings =>
  optionsSchema.parse(options).base;
