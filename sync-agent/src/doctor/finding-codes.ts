/** `error`: something does not work, is not safe, or will lose its promise. `warning`: works, but a person should look. */
export type Severity = 'error' | 'warning';

/** Every finding there is. The comment of a code is its manual: what it means, when it is normal, what to do. */
export const FINDING_CODES = {
  /** The environment lacks a variable or has a bad value; nothing else can be checked until it is set. */
  'configuration-refused': 'error',
  /** Patients would reach the portal without TLS. Normal only on one machine (localhost). */
  'portal-origin-not-https': 'error',
  /** A file with a password or private key may be read or written by others on this machine. chmod 0400. */
  'secret-file-open': 'error',
  /** The key folder says that a drill may switch protections off. Never normal where patients are; remove the file. */
  'drill-allowed': 'warning',
  /** A check ended in a way nobody foresaw; the code in the sentence is the cause. What it would have found is unknown. */
  'check-failed': 'error',

  /** The disk of the key folder is nearly full. That of the databases cannot be seen by the agent: watch it there. */
  'space-short': 'warning',
  /** MariaDB's client programs are not on this machine. Normal where nobody runs `backup` or `restore`. */
  'client-programs-missing': 'warning',

  /** KEY_DIR is no folder. Before the first `keys init`, or a disk that is not mounted: do not make new keys then. */
  'key-folder-missing': 'error',
  /** Others may enter the key folder. chmod 0700. */
  'key-folder-open': 'error',
  /** Others may read or write a key file. chmod 0400; when others had access, keys are to be replaced. */
  'key-file-open': 'error',
  /** A key file is not there. Restore it from the backup of the keys; a new wrap key opens no chart key. */
  'key-file-missing': 'error',
  /** A key file does not hold a key. Restore it from the backup. */
  'key-file-damaged': 'error',
  /** A statement is not the word of this root for this site: files of two installations are mixed. */
  'statement-refused': 'error',
  /** The DMZ refuses what the agent signs. After `keys init` was interrupted, or after three years: run it with root.key. */
  'signing-key-not-vouched': 'error',
  /** The statement of the signing key runs out within a month. Run `keys init` with root.key in place. */
  'signing-statement-ends-soon': 'warning',
  /** No sealing key is in force, so patients cannot send anything. Run `keys init` with root.key in place. */
  'sealing-key-missing': 'error',
  /** The DMZ seals to a key whose private half is not here: what patients send cannot be opened. Restore it. */
  'sealing-key-file-missing': 'error',
  /** The monthly change of the sealing key is overdue. Run `keys init` with root.key in place. */
  'sealing-key-old': 'warning',
  /** The root key lies beside the keys of daily use. Normal on a trial system; in production it is kept offline. */
  'root-key-present': 'warning',
  /** root.key and root.pub are not one pair: statements made with it are refused by the DMZ. */
  'root-key-mismatch': 'error',

  /** The agent's certificate cannot be read as one. */
  'agent-certificate-damaged': 'error',
  /** The agent's certificate is past its end, or not valid yet; the gateway refuses it. */
  'agent-certificate-over': 'error',
  /** AGENT_KEY_FILE is not the key of AGENT_CERT_FILE. */
  'agent-key-mismatch': 'error',
  /** A certificate in use ends within three weeks; make its successor now. */
  'certificate-ends-soon': 'warning',

  /** Nothing answers at GATEWAY_URL. The gateway is down, a firewall is in between, or the address is wrong. */
  'gateway-unreachable': 'error',
  /** The gateway's certificate is not of the CA in GATEWAY_CA_FILE. Another machine answers, or the CA was changed. */
  'gateway-certificate-refused': 'error',
  /** The gateway's certificate is past its end. */
  'gateway-certificate-over': 'error',
  /** The gateway's certificate is for another name than GATEWAY_NAME. */
  'gateway-name-wrong': 'error',
  /** What answers speaks no TLS 1.3: it is not the gateway, or something in between takes the connection apart. */
  'gateway-tls-old': 'error',
  /** The gateway ends the connection once it has seen the agent's certificate: other CA, other name, or over. */
  'gateway-refuses-agent': 'error',
  /** The gateway belongs to another site: one of the two SITE_IDs is wrong, or this is somebody else's gateway. */
  'gateway-foreign-site': 'error',
  /** Gateway and agent share no version of the protocol; update the older side. */
  'gateway-protocol': 'error',
  /** The gateway pins another root key than the one that signed the agent's keys. */
  'gateway-root-key': 'error',
  /** The clocks of the DMZ and of this machine are more than 5 s apart: sign-in codes and freshness depend on them. */
  'gateway-clock': 'error',
  /** The gateway answers, but not as it should; its log has the cause. */
  'gateway-failing': 'error',

  /** Nothing answers where OpenEMR's database should be. */
  'database-unreachable': 'error',
  /** The certificate of OpenEMR's database server does not verify, or the server offers no TLS. */
  'database-certificate-refused': 'error',
  /** The server does not let an account in: no such account, wrong password, or not from this machine. */
  'account-denied': 'error',
  /** The server would let an account in without TLS, and its password could be read on the way. */
  'account-without-tls': 'error',
  /** An account may come from any machine. */
  'account-from-anywhere': 'warning',
  /** The disk of the database server is full. Nothing is lost; free some space there. */
  'database-full': 'error',
  /** The running agent records nothing of OpenEMR's changes, so charts grow old. Its log says why under `change-feed`. */
  'feed-stands-still': 'error',
  /** Statements of the running agent get no answer. With a full disk the server lets commits wait until there is room. */
  'database-stuck': 'error',
  /** Another database server than MariaDB: the agent was never tried with it. */
  'server-not-mariadb': 'error',
  /** A MariaDB without binlog_row_metadata or BINLOG MONITOR (before 10.5.2). */
  'server-too-old': 'error',
  /** Without a binary log changes are not seen. */
  'binlog-off': 'error',
  /** Events that are not rows do not say what changed. */
  'binlog-format': 'error',
  /** Without the columns' names in the log the feed cannot read it with the rights it has. */
  'binlog-row-metadata': 'error',
  /** Shortened row images hide whose a row was. */
  'binlog-row-image': 'error',
  /** The log is kept for less than two days: after a longer outage of the agent everything is read again. */
  'binlog-retention-short': 'warning',
  /** A power cut may take back what was answered as saved; exactly-once delivery rests on this setting. */
  'flush-not-durable': 'error',
  /** A power cut may lose events of committed changes; after every restart everything is read again. */
  'sync-binlog-off': 'error',
  /** The server does not know time zones by name; the agent gets along with today's offset. */
  'time-zone-tables-missing': 'warning',
  /** The clocks of OpenEMR's database and of this machine are more than 5 s apart. */
  'database-clock': 'error',
  /** A table that is written or followed is not transactional, so neither snapshots nor exactly-once delivery hold. */
  'table-not-innodb': 'error',
  /** An account lacks a right that it is declared to have. */
  'grant-missing': 'error',
  /** An account has a right that it is not declared to have. Revoke it, or a break-in reaches further than it need. */
  'grant-excessive': 'error',
  /** An account of the agent can read OpenEMR's password hashes. */
  'password-readable': 'error',

  /** The ledger is configured to be in OpenEMR's own database, where an update of OpenEMR may remove it. */
  'ledger-in-openemr': 'error',
  /** The ledger's database is not there or the writer may not use it. */
  'ledger-missing': 'error',
  /** The ledger lacks migrations of this version. Run `ledger migrate` before the agent starts. */
  'ledger-not-migrated': 'error',
  /** The ledger was migrated by a newer version; an old agent must not write it. */
  'ledger-newer': 'error',

  /** There is no such database as OPENEMR_DB_NAME, or the reader has no right in it. */
  'openemr-database-missing': 'error',
  /** Columns that charts are made of are missing: an OpenEMR before 7.0.2, or one that is being upgraded. */
  'openemr-column-missing': 'error',
  /** Large tables of OpenEMR have no index by patient, as it comes. Everything works; with thousands of patients it gets slow. */
  'openemr-index-missing': 'warning',
  /** OpenEMR names no time zone, so no time in a chart would be certain. Nothing is replicated. */
  'clinic-time-zone-unknown': 'error',
  /** OpenEMR has rows from the future of its own time zone: its web server, or an interface, writes another zone's time. */
  'clinic-times-ahead': 'warning',
  /** Staff cannot see what patients write, because OpenEMR shows portal mail only with this setting. */
  'portal-mail-off': 'error',
  /** OpenEMR accepts user names and passwords at its token endpoint without checking the client. Never leave it on. */
  'password-grant-on': 'warning',
  /** Messages of a topic cannot be delivered: its recipient is no active OpenEMR user marked as portal user. */
  'pool-without-recipient': 'error',
  /** Patients who may use the portal share a portal name; mail knows its owner by nothing else, so they are refused. */
  'portal-name-shared': 'warning',
  /** Patients of the portal have no portal name in OpenEMR any more, so staff cannot write to them. */
  'portal-name-missing': 'warning',

  /** Nothing answers at OPENEMR_URL; documents cannot be read. Normal while OpenEMR's web server restarts. */
  'api-unreachable': 'error',
  /** The certificate of OpenEMR's web server is not of OPENEMR_CA_FILE, not for its name, or over. */
  'api-certificate-refused': 'error',
  /** OPENEMR_SITE names no site of this OpenEMR. */
  'api-site-unknown': 'error',
  /** The agent was never registered as a client. Normal before `register`. */
  'api-client-missing': 'error',
  /** The client is unknown or not enabled. Normal between `register` and the administrator's click. */
  'api-client-disabled': 'error',
  /** The client lacks a scope; OpenEMR grants less than asked without saying so. */
  'api-scope-missing': 'error',
  /** The signed assertion is refused: OpenEMR knows another address of itself, another key, or another time. */
  'api-assertion-refused': 'error',
  /** The private half of the API client's key is missing or damaged. */
  'api-key-damaged': 'error',
  /** The clocks of OpenEMR's web server and of this machine are more than 6 s apart (HTTP tells whole seconds). */
  'api-clock': 'error',
  /** OpenEMR's API answers otherwise than it should; the code in the sentence is the cause, see `api-failures.ts`. */
  'api-failing': 'error',

  /** Nothing answers where Redis should be. The agent works on, slower, by sweeping the ledger. */
  'redis-unreachable': 'error',
  /** Redis's certificate does not verify against REDIS_CA_FILE, or it offers no TLS. */
  'redis-certificate-refused': 'error',
  /** Redis does not know the user or its password. */
  'redis-denied': 'error',
  /** Redis before 6.2 lacks commands that the queues need. */
  'redis-too-old': 'error',
  /** Redis may drop keys when memory is short; the queues break in ways that are hard to see. */
  'redis-evicts': 'error',
  /** Redis forgets the queues with a restart. Nothing is lost, the agent sweeps; work waits a little. */
  'redis-not-persistent': 'warning',
  /** The agent's Redis user lacks a command or its own keys. */
  'redis-user-lacks': 'error',
  /** The agent's Redis user may do more than the queues need: administer, list keys, or read those of others. */
  'redis-user-excessive': 'error',
} as const satisfies Record<string, Severity>;

export type FindingCode = keyof typeof FINDING_CODES;
