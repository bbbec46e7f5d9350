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
-- security number, birth date or employer (insurance_data), no billing note (form_encounter), no fee (codes), no
-- relatives' illnesses (history_data), no number of a relative (person), no employer's
-- name or address (employer_data).
GRANT SELECT (
  id, pid, uuid, title, fname, mname, lname, suffix, preferred_name, birth_fname, birth_mname, birth_lname, DOB, sex,
  sex_identified, gender_identity, pronoun, sexual_orientation, occupation, industry, tribal_affiliations,
  status, language, interpreter_needed, race, ethnicity, deceased_date, pubpid, providerID, street, street_line_2, city,
  county, state, postal_code, country_code, phone_home, phone_biz, phone_cell, phone_contact, contact_relationship,
  email, email_direct, guardiansname, guardianrelationship, guardianphone, guardianworkphone, guardianemail,
  guardianaddress, guardiancity, guardianstate, guardianpostalcode, guardiancountry,
  allow_patient_portal
) ON {{openemr}}.patient_data TO agent_reader;
GRANT SELECT (
  id, username, title, fname, mname, lname, suffix, npi, organization, street, streetb, city, state, zip, phonew1,
  active, authorized, portal_user, specialty
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
GRANT SELECT (
  id, pid, encounter, created_at, created_by, updated_by, assessment_date, screening_tool, assessor, hunger_q1,
  hunger_q2, hunger_score, food_insecurity, food_insecurity_notes, housing_instability, housing_instability_notes,
  transportation_insecurity, transportation_insecurity_notes, utilities_insecurity, utilities_insecurity_notes,
  interpersonal_safety, interpersonal_safety_notes, financial_strain, financial_strain_notes, social_isolation,
  social_isolation_notes, childcare_needs, childcare_needs_notes, digital_access, digital_access_notes,
  employment_status, education_level, caregiver_status, veteran_status, disability_status, disability_status_notes,
  disability_scale, pregnancy_status, pregnancy_edd, pregnancy_intent, postpartum_status, postpartum_end, goals,
  interventions, instrument_score, declined_flag
) ON {{openemr}}.form_history_sdoh TO agent_reader;
GRANT SELECT (id, pid, date, start_date, end_date, occupation, industry, created_by)
  ON {{openemr}}.employer_data TO agent_reader;
GRANT SELECT (id, code, code_type, code_text, code_text_short, active) ON {{openemr}}.codes TO agent_reader;
GRANT SELECT ON {{openemr}}.lists_medication TO agent_reader;
GRANT SELECT ON {{openemr}}.drug_sales TO agent_reader;
-- Not where OpenEMR keeps the bytes, nor what it has read out of them.
GRANT SELECT (
  id, uuid, type, size, date, mimetype, foreign_id, docdate, hash, name, encounter_id, deleted, foreign_reference_table
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
  encounter_type_description, last_level_closed
) ON {{openemr}}.form_encounter TO agent_reader;
GRANT SELECT (
  id, name, phone, street, city, state, postal_code, country_code, facility_npi, primary_business_entity,
  inactive, service_location
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
GRANT SELECT (id, pid, status, team_name, note)
  ON {{openemr}}.care_teams TO agent_reader;
GRANT SELECT (id, care_team_id, user_id, facility_id, contact_id, role, provider_since, status, note)
  ON {{openemr}}.care_team_member TO agent_reader;
GRANT SELECT (
  id, contact_id, target_table, target_id, active, role, relationship, contact_priority, is_emergency_contact,
  start_date, end_date
) ON {{openemr}}.contact_relation TO agent_reader;
GRANT SELECT (id, first_name, middle_name, last_name)
  ON {{openemr}}.person TO agent_reader;
GRANT SELECT (id, contact_id, `rank`, `system`, `use`, value, status)
  ON {{openemr}}.contact_telecom TO agent_reader;
GRANT SELECT (
  id, pid, encounter, user, date, date_end, proposed_date, care_plan_type, code,
  codetext, description, plan_status, reason_code, reason_description
) ON {{openemr}}.form_care_plan TO agent_reader;
GRANT SELECT (
  id, form_id, date, pid, encounter, user, code, ob_code, description,
  observation, ob_value, ob_value_code_description, ob_unit, ob_type, ob_status, parent_observation_id
) ON {{openemr}}.form_observation TO agent_reader;
GRANT SELECT (
  id, patient_id, questionnaire_name, creator_user_id, create_time, status, encounter, questionnaire_response
) ON {{openemr}}.questionnaire_response TO agent_reader;
GRANT SELECT (
  id, pid, encounter, date, code_type, code, code_text, units, fee, activity
) ON {{openemr}}.billing TO agent_reader;
GRANT SELECT (
  pid, encounter, sequence_no, payer_type, session_id, post_date, post_time, pay_amount, adj_amount, deleted
) ON {{openemr}}.ar_activity TO agent_reader;
GRANT SELECT (
  session_id, payment_method
) ON {{openemr}}.ar_session TO agent_reader;
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
