import { z } from 'zod';

/** Where a process shows its metrics; port 0 takes a free one. */
export interface MetricsAddress {
  host: string;
  port: number;
}

/** Off unless the port is set. Never in reach of the internet or, in the DMZ, of anything but its own host. */
export const METRICS_VARIABLES = {
  METRICS_HOST: z.string().min(1).default('127.0.0.1'),
  METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
};

export function metricsAddress(variables: z.infer<z.ZodObject<typeof METRICS_VARIABLES>>): MetricsAddress | undefined {
  const { METRICS_HOST: host, METRICS_PORT: port } = variables;
  return port === undefined ? undefined : { host, port };
}
