-- Rights in the MariaDB inside. {{openemr}} is OpenEMR's database, {{ledger}} the ledger. Applied after both have their tables.

-- OpenEMR itself (here: the simulator and the clinic's command-line tool).
GRANT ALL PRIVILEGES ON {{openemr}}.* TO openemr;

-- DDL of the ledger, at deployment.
GRANT ALL PRIVILEGES ON {{ledger}}.* TO ledger_owner;

-- The change feed: the whole server's binlog, and nothing else. BINLOG MONITOR gives the position and the variables.
GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO agent_feed;

-- The writer joins the ledger and OpenEMR's rows in one transaction.
GRANT SELECT, INSERT, UPDATE, DELETE ON {{ledger}}.* TO agent_writer;
