-- Rights in the DMZ's MariaDB. {{portal}} is the portal's database. Applied after the migrations; nothing else is granted.

-- The deployment's account: makes and changes tables, moves rows in migrations. No running process uses it.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON {{portal}}.* TO migrate;
