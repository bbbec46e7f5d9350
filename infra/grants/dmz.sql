-- Rights in the DMZ's MariaDB, whole: an account has what stands here and nothing else. {{portal}} is the portal's database.
-- Rights on tables are given after the migrations made them.

-- The deployment's account: makes and changes tables, moves rows in migrations. No running process uses it.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON {{portal}}.* TO migrate;

-- portal_api, the process that patients reach. It reads the replica and never writes it.
GRANT SELECT ON {{portal}}.key_statement TO portal_api;
GRANT SELECT ON {{portal}}.era TO portal_api;
GRANT SELECT ON {{portal}}.chart_grant TO portal_api;
GRANT SELECT ON {{portal}}.chart TO portal_api;
GRANT SELECT ON {{portal}}.section TO portal_api;
GRANT SELECT ON {{portal}}.document_blob TO portal_api;
GRANT SELECT ON {{portal}}.document_chunk TO portal_api;
GRANT SELECT ON {{portal}}.heartbeat TO portal_api;
GRANT SELECT ON {{portal}}.heartbeat_bucket TO portal_api;
GRANT SELECT ON {{portal}}.cut_statement TO portal_api;
-- An invite is used up by the account that joins with it.
GRANT SELECT, UPDATE (state, account_ref) ON {{portal}}.invite TO portal_api;
-- A submission is added; what is in the outbox cannot be changed or taken back from here.
GRANT SELECT, INSERT, UPDATE (next_seq) ON {{portal}}.stream TO portal_api;
GRANT SELECT, INSERT ON {{portal}}.outbox TO portal_api;
GRANT SELECT, INSERT ON {{portal}}.own_copy TO portal_api;
GRANT SELECT, INSERT ON {{portal}}.receipt TO portal_api;
-- Whether this database comes from a backup that the inside has not caught up with.
GRANT SELECT ON {{portal}}.restored TO portal_api;
-- Who an account belongs to is fixed: its reference, name and keys are written once.
GRANT SELECT, INSERT, UPDATE (totp_last_step, enrolment_outcome) ON {{portal}}.account TO portal_api;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{portal}}.throttle TO portal_api;
-- Audit entries are added and never changed; the head's lock orders who adds.
GRANT SELECT, INSERT ON {{portal}}.audit_entry TO portal_api;
GRANT SELECT ON {{portal}}.audit_head TO portal_api;

-- sync_gateway, the process that the agent reaches: writes the replica, hands out the outbox.
GRANT SELECT, INSERT, UPDATE ON {{portal}}.key_statement TO sync_gateway;
GRANT SELECT, INSERT, UPDATE (signed) ON {{portal}}.era TO sync_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{portal}}.chart_grant TO sync_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{portal}}.chart TO sync_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{portal}}.section TO sync_gateway;
-- A document's bytes come once and are deleted or stay; only that they are whole is written later.
GRANT SELECT, INSERT, UPDATE (completed_at), DELETE ON {{portal}}.document_blob TO sync_gateway;
GRANT SELECT, INSERT, DELETE ON {{portal}}.document_chunk TO sync_gateway;
GRANT SELECT, INSERT, UPDATE ON {{portal}}.heartbeat TO sync_gateway;
GRANT SELECT, INSERT, UPDATE ON {{portal}}.heartbeat_bucket TO sync_gateway;
GRANT SELECT, INSERT, UPDATE, DELETE ON {{portal}}.invite TO sync_gateway;
-- What the inside has cut off stays written down.
GRANT SELECT, INSERT ON {{portal}}.cut_statement TO sync_gateway;
-- It leases, acknowledges and, after their time, drops envelopes; it cannot make one.
GRANT SELECT, UPDATE (state, lease, leased_until, acked_at), DELETE ON {{portal}}.outbox TO sync_gateway;
-- After a restore the inside says how far the streams are, and ends the time in which nothing is taken.
GRANT SELECT, INSERT, UPDATE (next_seq) ON {{portal}}.stream TO sync_gateway;
GRANT SELECT, DELETE ON {{portal}}.restored TO sync_gateway;
-- A patient's own copy goes when the signed section holds it; what is in the copy is not the gateway's to read.
GRANT SELECT (submission_id, patient_ref), DELETE ON {{portal}}.own_copy TO sync_gateway;
GRANT SELECT, UPDATE (state, collected_at) ON {{portal}}.receipt TO sync_gateway;
-- Nothing that belongs to a sign-in is readable here. The outcome of an enrolment is written; of an account that ends the
-- wrapped keys are overwritten, and after its time the row is forgotten.
GRANT SELECT (account_ref, state, revoked_at), UPDATE (
  state, enrolment_outcome, enrolment_tries_left, private_key_wrapped, totp_wrapped, enrolment_proof_sealed, revoked_at
), DELETE ON {{portal}}.account TO sync_gateway;
-- Its housekeeping forgets old throttles.
GRANT SELECT (updated_at), DELETE ON {{portal}}.throttle TO sync_gateway;
GRANT SELECT, INSERT ON {{portal}}.audit_entry TO sync_gateway;
GRANT SELECT ON {{portal}}.audit_head TO sync_gateway;
