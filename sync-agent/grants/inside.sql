-- Rights in the MariaDB inside, whole: an account has what stands here and nothing else. {{openemr}} is OpenEMR's database,
-- {{ledger}} the ledger. Rights on tables are given after OpenEMR's schema made them.

-- OpenEMR itself (here: its simulator and the clinic's command-line tool).
GRANT ALL PRIVILEGES ON {{openemr}}.* TO openemr;

-- ledger_owner: DDL of the ledger, at deployment. No running process uses it.
GRANT ALL PRIVILEGES ON {{ledger}}.* TO ledger_owner;

-- agent_feed, the change feed: the server's binlog and its position, no table. REPLICATION SLAVE cannot be limited to a database.
GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO agent_feed;

-- agent_reader: the tables that sections are made of. Column by column where a table also holds what no section needs:
-- no password hash (users, patient_access_onsite), no social security or licence number (patient_data), no laboratory's
-- host, login and password (procedure_providers), no tax number or bank account (facility), no subscriber's social
-- security number, birth date or employer (insurance_data), nothing of billing (form_encounter), no fee (codes), no
-- relatives' illnesses (history_data).
GRANT SELECT (
  pid, title, fname, mname, lname, suffix, preferred_name, birth_fname, birth_mname, birth_lname, DOB, sex, status,
  language, interpreter_needed, race, ethnicity, deceased_date, pubpid, providerID, street, street_line_2, city,
  county, state, postal_code, country_code, phone_home, phone_biz, phone_cell, phone_contact, contact_relationship,
  email, email_direct, guardiansname, guardianrelationship, guardianphone, guardianworkphone, guardianemail,
  guardianaddress, guardiancity, guardianstate, guardianpostalcode, guardiancountry
) ON {{openemr}}.patient_data TO agent_reader;
GRANT SELECT (
  id, username, title, fname, mname, lname, suffix, npi, organization, street, streetb, city, state, zip, phonew1
) ON {{openemr}}.users TO agent_reader;
GRANT SELECT (id, pid, portal_username) ON {{openemr}}.patient_access_onsite TO agent_reader;
GRANT SELECT ON {{openemr}}.patient_history TO agent_reader;
GRANT SELECT ON {{openemr}}.contact TO agent_reader;
GRANT SELECT ON {{openemr}}.contact_address TO agent_reader;
GRANT SELECT ON {{openemr}}.addresses TO agent_reader;
GRANT SELECT ON {{openemr}}.prescriptions TO agent_reader;
GRANT SELECT ON {{openemr}}.lists TO agent_reader;
GRANT SELECT ON {{openemr}}.issue_encounter TO agent_reader;
GRANT SELECT ON {{openemr}}.immunizations TO agent_reader;
GRANT SELECT (
  id, pid, date, created_by, tobacco, alcohol, coffee, recreational_drugs, exercise_patterns, sleep_patterns, seatbelt_use,
  counseling, hazardous_activities
) ON {{openemr}}.history_data TO agent_reader;
GRANT SELECT (id, code, code_type, code_text, code_text_short, active) ON {{openemr}}.codes TO agent_reader;
GRANT SELECT ON {{openemr}}.lists_medication TO agent_reader;
GRANT SELECT ON {{openemr}}.drug_sales TO agent_reader;
-- Not where OpenEMR keeps the bytes, nor what it has read out of them.
GRANT SELECT (
  id, uuid, type, size, date, mimetype, foreign_id, docdate, hash, name, encounter_id, deleted
) ON {{openemr}}.documents TO agent_reader;
GRANT SELECT ON {{openemr}}.categories_to_documents TO agent_reader;
GRANT SELECT (id, name, parent, codes, aco_spec) ON {{openemr}}.categories TO agent_reader;
GRANT SELECT ON {{openemr}}.drugs TO agent_reader;
GRANT SELECT ON {{openemr}}.procedure_order TO agent_reader;
GRANT SELECT ON {{openemr}}.procedure_order_code TO agent_reader;
GRANT SELECT ON {{openemr}}.procedure_report TO agent_reader;
GRANT SELECT ON {{openemr}}.procedure_result TO agent_reader;
GRANT SELECT ON {{openemr}}.procedure_specimen TO agent_reader;
GRANT SELECT ON {{openemr}}.procedure_type TO agent_reader;
GRANT SELECT (ppid, name, npi, lab_director) ON {{openemr}}.procedure_providers TO agent_reader;
GRANT SELECT (id, encounter, form_id, pid, deleted, formdir) ON {{openemr}}.forms TO agent_reader;
GRANT SELECT ON {{openemr}}.form_vitals TO agent_reader;
GRANT SELECT ON {{openemr}}.form_vital_details TO agent_reader;
GRANT SELECT ON {{openemr}}.form_clinical_notes TO agent_reader;
GRANT SELECT ON {{openemr}}.form_soap TO agent_reader;
GRANT SELECT (
  id, encounter, pid, date, date_end, reason, facility, facility_id, sensitivity, pc_catid, provider_id,
  supervisor_id, referring_provider_id, class_code, discharge_disposition, encounter_type_code,
  encounter_type_description
) ON {{openemr}}.form_encounter TO agent_reader;
GRANT SELECT (
  id, name, phone, street, city, state, postal_code, country_code, facility_npi, primary_business_entity
) ON {{openemr}}.facility TO agent_reader;
GRANT SELECT (
  pc_eid, pc_aid, pc_pid, pc_title, pc_hometext, pc_eventDate, pc_endDate, pc_duration, pc_recurrtype, pc_recurrspec,
  pc_startTime, pc_endTime, pc_eventstatus, pc_apptstatus, pc_facility, pc_catid
) ON {{openemr}}.openemr_postcalendar_events TO agent_reader;
GRANT SELECT (pc_catid, pc_constant_id, pc_catname) ON {{openemr}}.openemr_postcalendar_categories TO agent_reader;
GRANT SELECT (
  id, pid, type, provider, plan_name, policy_number, group_number, subscriber_relationship, subscriber_fname,
  subscriber_mname, subscriber_lname, copay, date, date_end
) ON {{openemr}}.insurance_data TO agent_reader;
GRANT SELECT (id, name, cqm_sop, ins_type_code) ON {{openemr}}.insurance_companies TO agent_reader;
GRANT SELECT (id, type) ON {{openemr}}.insurance_type_codes TO agent_reader;
GRANT SELECT ON {{openemr}}.list_options TO agent_reader;
GRANT SELECT ON {{openemr}}.onsite_mail TO agent_reader;
-- The clinic's time zone stands here, beside values that OpenEMR encrypts; rows cannot be granted.
GRANT SELECT ON {{openemr}}.globals TO agent_reader;

-- agent_writer: the ledger's rows and OpenEMR's in one transaction. In OpenEMR: portal mail is added and threaded, a missing
-- portal row of a patient is made; the rest is what it takes to do so. Nothing clinical can be changed, nothing deleted.
GRANT SELECT, INSERT, UPDATE, DELETE ON {{ledger}}.* TO agent_writer;
GRANT SELECT, INSERT, UPDATE (mail_chain, reply_mail_chain) ON {{openemr}}.onsite_mail TO agent_writer;
GRANT SELECT (id, pid, portal_username), UPDATE (portal_username), INSERT (
  pid, portal_username, portal_pwd, portal_pwd_status, portal_login_username, date_created
) ON {{openemr}}.patient_access_onsite TO agent_writer;
GRANT SELECT (id, pid, fname, lname, DOB, allow_patient_portal) ON {{openemr}}.patient_data TO agent_writer;
GRANT SELECT (id, username, fname, lname, active, portal_user) ON {{openemr}}.users TO agent_writer;
GRANT SELECT ON {{openemr}}.globals TO agent_writer;
