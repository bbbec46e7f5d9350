/** How this process reaches a TCP port: directly, or through a socket whose owner, elsewhere, passes the bytes on. */
export type Door = { host: string; port: number } | { path: string };

/** The network in which a zone's processes run: this machine's own, or one that is closed off from it. */
export interface Place {
  /** put before the command line of every process that belongs there */
  readonly prefix: readonly string[];
  /** addresses of the zone's own host, beside loopback, at which other hosts of the zone reach its MariaDB */
  readonly mariadbAddresses: readonly string[];
  /** the way to a port of the zone's own host */
  readonly door: (port: number) => Door;
}

/** This machine: everything on loopback. */
export const THIS_MACHINE: Place = {
  prefix: [],
  mariadbAddresses: [],
  door: (port) => ({ host: '127.0.0.1', port }),
};
