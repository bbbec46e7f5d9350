import { ONE_OFFS, PROGRAMS, SHARES, type Share } from './placement.js';

/** Exact, so that an image can be built again; both are Debian 12, whose servers the tests run on. */
export const NODE_IMAGE = 'node:24.21.0-bookworm-slim';
export const DEBIAN_IMAGE = 'debian:12.12-slim';

/** One file for all images; each is a target of its own and holds what its processes need. */
export function dockerfile(): string {
  return `# Written by \`npm run describe\` from infra/production/; do not edit.
# Built on a machine with internet access and carried to the hosts: README.md beside this file, "Build machine".

FROM ${NODE_IMAGE} AS build
WORKDIR /build
COPY . .
RUN npm ci --no-audit --no-fund \\
 && npm run build \\
 && node infra/run/pack.mjs dmz /packed/dmz \\
 && node infra/run/pack.mjs inside /packed/inside \\
 && node infra/run/pack.mjs prepare /packed/prepare

# What both of the DMZ's programs are made of. No shell script runs at start: the program is the first process.
FROM ${DEBIAN_IMAGE} AS portal-api
${people('portal-api')}
COPY --from=build /packed/dmz/ ${PROGRAMS}/
WORKDIR ${PROGRAMS}
${defaultUser('portal-api')}

FROM ${DEBIAN_IMAGE} AS sync-agent
${people('sync-agent')}
COPY --from=build /packed/inside/ ${PROGRAMS}/
WORKDIR ${PROGRAMS}
${defaultUser('sync-agent')}

# Run by hand, with MariaDB's client programs, which write and read backups; the processes that stay do without.
FROM portal-api AS accounts-backup
USER 0:0
${packages('mariadb-client')}
USER ${numbersOf(ONE_OFFS.migrate)}

FROM sync-agent AS agent-commands
USER 0:0
${packages('mariadb-client')}
${defaultUser('sync-agent')}

# Run by hand, as root, without a network: makes a host's secrets and ends.
FROM ${DEBIAN_IMAGE} AS prepare
${packages('openssl')}
COPY --from=build /packed/prepare/ ${PROGRAMS}/
ENTRYPOINT ["${PROGRAMS}/bin/node", "${PROGRAMS}/infra/dist/production/prepare.main.js"]

FROM ${DEBIAN_IMAGE} AS mariadb
${people('mariadb')}
${packages('mariadb-server', 'mariadb-client')}
COPY --from=build /packed/dmz/settings/ ${PROGRAMS}/settings/
COPY --from=build /packed/dmz/start-mariadb ${PROGRAMS}/start-mariadb
${defaultUser('mariadb')}

FROM ${DEBIAN_IMAGE} AS redis
${people('redis')}
${packages('redis-server', 'redis-tools')}
COPY --from=build /packed/dmz/settings/ ${PROGRAMS}/settings/
COPY --from=build /packed/inside/settings/ ${PROGRAMS}/settings/
${defaultUser('redis')}

FROM ${DEBIAN_IMAGE} AS web-proxy
${people('web-proxy')}
${packages('nginx')}
COPY --from=build /packed/dmz/settings/web-proxy/ ${PROGRAMS}/settings/web-proxy/
RUN cd ${PROGRAMS}/settings/web-proxy && mv portal-api-in-containers.conf portal-api-address.conf && mkdir -p tls
${defaultUser('web-proxy')}
`;
}

/** Users that exist in the image under the numbers that own their files on the host. */
function people(image: Share['image']): string {
  const shares = sharesOf(image);
  const commands = shares.map(
    ({ uid, user }) =>
      `groupadd --gid ${String(uid)} ${userIn(shares, user, uid)} && useradd --uid ${String(uid)} --gid ${String(uid)} --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ${userIn(shares, user, uid)}`,
  );
  return `RUN ${commands.join(' \\\n && ')}`;
}

function defaultUser(image: Share['image']): string {
  const [first] = sharesOf(image);
  return first === undefined ? '' : `USER ${numbersOf(first)}`;
}

function numbersOf({ uid }: Share): string {
  return `${String(uid)}:${String(uid)}`;
}

function sharesOf(image: Share['image']): Share[] {
  return [...Object.values(SHARES), ...Object.values(ONE_OFFS)].filter((each) => each.image === image);
}

/** The two zones' Redis have users of one name, on two hosts; in their common image the names must differ. */
function userIn(shares: Share[], user: string, uid: number): string {
  return shares.filter((each) => each.user === user).length > 1 ? `${user}-${String(uid)}` : user;
}

/** Debian's own packages, with its security updates at the time of the build: what the tests ran with. */
function packages(...names: string[]): string {
  return `RUN apt-get update \\
 && apt-get install --yes --no-install-recommends ${names.join(' ')} \\
 && rm -rf /var/lib/apt/lists/* /var/lib/mysql /etc/nginx/sites-enabled`;
}
