import type { Facts } from './live-facts.js';

/** A safeguard of a standard, what meets it here, what holds it, and what is seen on the running system. */
export interface Control {
  standard: string;
  control: string;
  does: string;
  /** files and tests that fail when it no longer holds */
  heldBy: readonly string[];
  /** seen on the running system; absent where a machine cannot see it */
  live?: (facts: Facts) => boolean;
  /** what is left to the clinic, or not built */
  open?: string;
}

const HIPAA = 'HIPAA 45 CFR 164.312';
const NIST = 'NIST SP 800-53';

export const CONTROLS: readonly Control[] = [
  {
    standard: HIPAA,
    control: '(a)(1) access control',
    does: 'every route denies unless marked public; a chart opens only with a signed grant and the key sealed in it',
    heldBy: ['portal-api/test/routes.e2e.spec.ts', 'infra/test/grants.int.spec.ts'],
    live: ({ rightsEqual, deniedWithoutSession }) => rightsEqual && deniedWithoutSession,
  },
  {
    standard: HIPAA,
    control: '(a)(2)(i) unique user identification',
    does: 'one account per person with a random reference; a sign-in name exists once, as keyed index',
    heldBy: ['portal-api/test/join.e2e.spec.ts'],
    live: ({ namesUnique }) => namesUnique,
  },
  {
    standard: HIPAA,
    control: '(a)(2)(ii) emergency access procedure',
    does: 'OpenEMR stays the record: staff work there, with or without the portal; the portal holds copies only',
    heldBy: ['sync-agent/README.md'],
    open: 'the procedure for staff is the clinic’s',
  },
  {
    standard: HIPAA,
    control: '(a)(2)(iii) automatic logoff',
    does: 'sessions end after 15 minutes idle and 12 hours at most, on the server; events never extend them',
    heldBy: ['portal-api/test/auth.e2e.spec.ts', 'portal-api/test/events.e2e.spec.ts'],
    live: ({ sessionsEnd }) => sessionsEnd,
  },
  {
    standard: HIPAA,
    control: '(a)(2)(iv) encryption and decryption',
    does: 'sections under class keys, submissions sealed to the inside; keys in the DMZ only wrapped by passwords',
    heldBy: ['infra/drills/stolen-dmz.ts', 'sync-contract/src/section.spec.ts', 'sync-contract/src/envelope.spec.ts'],
    live: ({ sectionsPadded }) => sectionsPadded,
  },
  {
    standard: HIPAA,
    control: '(b) audit controls',
    does: 'reads and acts are in a hash chain before they are answered; no account may change or delete an entry',
    heldBy: ['portal-api/test/audit.e2e.spec.ts'],
    live: ({ auditOnlyAdded, auditEntries }) => auditOnlyAdded && auditEntries > 0,
    open: 'without a witness outside, the owner of the DMZ’s database can recompute the chain; the witness is not built',
  },
  {
    standard: HIPAA,
    control: '(c)(1) integrity',
    does: 'submissions take effect once, in one transaction with the ledger; nothing a patient sends changes the chart',
    heldBy: ['infra/drills/crash.ts', 'sync-agent/test/deliver-streams.int.spec.ts'],
    live: ({ flushedAtCommit }) => flushedAtCommit,
  },
  {
    standard: HIPAA,
    control: '(c)(2) mechanism to authenticate ePHI',
    does: 'manifests and heartbeat signed inside; each section’s hash and clear fields are authenticated',
    heldBy: ['portal-api/test/charts.e2e.spec.ts', 'sync-contract/src/statements.spec.ts'],
  },
  {
    standard: HIPAA,
    control: '(d) person or entity authentication',
    does: 'password (argon2id with a pepper) and TOTP for every person; the first key needs the invite and a date of birth',
    heldBy: ['portal-api/test/auth.e2e.spec.ts', 'sync-agent/test/enrol.int.spec.ts'],
    live: ({ secondFactorForAll }) => secondFactorForAll,
  },
  {
    standard: HIPAA,
    control: '(e)(1) transmission security',
    does: 'the agent opens every connection, to one port, with mutual TLS 1.3; database accounts must use TLS',
    heldBy: ['portal-api/test/gateway-door.e2e.spec.ts', 'sync-agent/test/gateway-client.int.spec.ts'],
    live: ({ gatewayRefusesStrangers, gatewayRefusesTls12 }) => gatewayRefusesStrangers && gatewayRefusesTls12,
  },
  {
    standard: HIPAA,
    control: '(e)(2)(i) integrity controls in transmission',
    does: 'TLS, and below it signatures and sealed fields that hold whoever carries them',
    heldBy: ['sync-contract/src/envelope.spec.ts', 'sync-contract/src/section.spec.ts'],
    live: ({ gatewayRefusesTls12 }) => gatewayRefusesTls12,
  },
  {
    standard: HIPAA,
    control: '(e)(2)(ii) encryption in transmission',
    does: 'TLS on every link between machines; content is sealed below it',
    heldBy: ['portal-api/test/transport.e2e.spec.ts', 'infra/test/services.int.spec.ts'],
    live: ({ databaseNeedsTls }) => databaseNeedsTls,
  },
  {
    standard: NIST,
    control: 'SC-7 boundary protection',
    does: 'public processes in a zone of their own; two crossings, none opened by the DMZ',
    heldBy: ['infra/isolation/prove-isolation.ts', 'infra/firewall/ruleset.spec.ts'],
    live: ({ crossingsAreTwo }) => crossingsAreTwo,
  },
  {
    standard: NIST,
    control: 'SC-7(3) access points',
    does: 'one port from the internet, one port from inside',
    heldBy: ['infra/isolation/expected-matrix.ts'],
    live: ({ crossingsAreTwo }) => crossingsAreTwo,
  },
  {
    standard: NIST,
    control: 'SC-7(4) external telecommunications services',
    does: 'each crossing has one protocol, one certificate authority of its own and a list of fields',
    heldBy: ['infra/evidence/reviewed-data-flow.json', 'portal-api/test/gateway-door.e2e.spec.ts'],
    open: 'the review of the list is a person’s, with each change',
  },
  {
    standard: NIST,
    control: 'SC-7(5) deny by default, allow by exception',
    does: 'the ruleset is made from the declared crossings and drops all else; routes, grants and ACLs likewise',
    heldBy: ['infra/firewall/ruleset.spec.ts', 'portal-api/test/routes.e2e.spec.ts', 'infra/test/grants.int.spec.ts'],
    live: ({ rightsEqual, deniedWithoutSession }) => rightsEqual && deniedWithoutSession,
  },
  {
    standard: NIST,
    control: 'SC-7(12) host-based protection',
    does: 'each host has rules of its own beside the firewall’s: nothing but the crossings in, from the DMZ nothing out',
    heldBy: ['infra/production/host-firewall.ts', 'infra/test/production-tools.int.spec.ts'],
    open: 'loading them, with its own interfaces and addresses, is the clinic’s',
  },
  {
    standard: NIST,
    control: 'SC-7(21) isolation of system components',
    does: 'patients’ process, gateway and agent are processes of their own with accounts of their own; what each cannot reach is compared whole',
    heldBy: ['infra/test/grants.int.spec.ts', 'infra/production/description.spec.ts'],
    live: ({ rightsEqual }) => rightsEqual,
    open: 'what is seen here runs as one user of one machine; units and containers give each process a user of its own',
  },
];
