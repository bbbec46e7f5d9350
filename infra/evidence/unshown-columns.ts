/**
 * Columns that the reader selects and no field of a section shows, beside those that only join rows, each with why it is
 * read. A column that is neither joined on nor named here fails a test.
 */
export const READ_UNSHOWN: Readonly<Record<string, string>> = {
  'facility.primary_business_entity': 'puts the main site before the others',
  'procedure_order.date_ordered': 'puts a procedure without a date of its own in its place',
  'procedure_report.review_status':
    'whether a clinician has seen the report: decides whether it waits for a patient who wishes that',
  'documents.uuid': "name of the document's bytes in OpenEMR's API",
  'documents.foreign_reference_table': 'tells C-CDAs that OpenEMR made, which are not in the list',
  'patient_data.occupation': 'shown where no employment says an occupation, as in an OpenEMR before 7.0.4',
  'patient_data.industry': 'shown where no employment says an occupation, as in an OpenEMR before 7.0.4',
  'patient_data.uuid': "name of the patient in OpenEMR's API, which makes a C-CDA when the patient asks for it",
  'documents.hash': "changes with the document's bytes, which are fetched again then",
  'procedure_order.specimen_type': 'used nowhere: the specimen row says the type; to be taken out of the reader',
  'procedure_specimen.collected_date': 'used nowhere: the report says when; to be taken out of the reader',
};

/** Tables that the reader's account has whole, and why their unread columns are not taken away one by one. */
export const GRANTED_WHOLE =
  'the table is granted whole because it holds no credential and no number of an identity document; no statement names the column';
