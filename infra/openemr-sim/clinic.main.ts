import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as rest } from 'node:timers/promises';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Connection } from 'mysql2/promise';
import { bookAppointment, setAppointmentStatus } from './clinic-appointments.js';
import { DELETABLE, deleteRow, type DeletableTable } from './clinic-deletions.js';
import { addDocument, deleteDocument } from './clinic-documents.js';
import { correctResult, newResult, RESULT_STATUSES, signReport, type ResultStatus } from './clinic-labs.js';
import { editorHtml, listMail, reply, startMail } from './clinic-mail.js';
import { addMedication, changeMedication } from './clinic-medications.js';
import { mergePatients, MOVABLE, moveRow, type MovableTable } from './clinic-moves.js';
import { assignUuids, changeDemographics, listPatients, setPortal } from './clinic-patients.js';
import { ClinicRefusal } from './clinic-session.js';
import { NOTE_CATEGORIES, NOTE_TYPES, recordVitals, writeNote } from './clinic-visits.js';
import type { NewNote, NewVitals, NoteType } from './clinic-visits.js';
import { BadEnvironment, readDocumentsDir, readOpenEmrAccess } from './config.js';
import { connectOpenEmr } from './connect.js';
import { FRONT_DESK } from './practice.js';
import { SAMPLE_KINDS, sampleDocument, type SampleKind } from './sample-documents.js';

const SIMULATOR = 'OpenEMR SIMULATOR';

function toNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new InvalidArgumentError('a whole number is needed');
  }
  return value;
}

/** One line of JSON per run, marked as the simulator's; a refusal is a sentence on stderr and exit code 1. */
async function play(action: (connection: Connection) => Promise<object>): Promise<void> {
  try {
    const connection = await connectOpenEmr(readOpenEmrAccess());
    try {
      process.stdout.write(`${JSON.stringify({ from: SIMULATOR, ...(await action(connection)) })}\n`);
    } finally {
      await connection.end();
    }
  } catch (error: unknown) {
    if (!(error instanceof ClinicRefusal || error instanceof BadEnvironment)) {
      throw error;
    }
    process.stderr.write(`${SIMULATOR}: ${error.message}\n`);
    process.exitCode = 1;
  }
}

const patient = (): Option => new Option('--pid <pid>', 'patient, by pid').argParser(toNumber).makeOptionMandatory();
const staff = (): Option => new Option('--staff <username>', 'who writes').default(FRONT_DESK);
const status = (): Option => new Option('--status <status>', 'result status').choices(RESULT_STATUSES);

const program = new Command('clinic').description(
  `${SIMULATOR}: plays the clinic with the SQL that OpenEMR's screens run. This is not OpenEMR.`,
);

program
  .command('list-patients')
  .description('patients with their pid and portal state')
  .action(() => play(async (connection) => ({ patients: await listPatients(connection) })));

program
  .command('set-portal')
  .description('allow or forbid a patient the portal')
  .addOption(patient())
  .addOption(new Option('--allow <answer>').choices(['YES', 'NO']).makeOptionMandatory())
  .action((options: { pid: number; allow: 'YES' | 'NO' }) => play((connection) => setPortal(connection, options)));

program
  .command('change-demographics')
  .description("correct a patient's telephone, address or e-mail")
  .addOption(patient())
  .option('--phone-home <number>')
  .option('--phone-cell <number>')
  .option('--street <line>')
  .option('--email <address>')
  .action((options: { pid: number; phoneHome?: string; phoneCell?: string; street?: string; email?: string }) =>
    play((connection) => changeDemographics(connection, options)),
  );

program
  .command('new-result')
  .description('order one laboratory test and enter its result')
  .addOption(patient())
  .requiredOption('--value <value>', 'as the laboratory prints it')
  .option('--loinc <code>', 'LOINC code of the test', '2339-0')
  .option('--name <name>', 'name of the test', 'Glucose')
  .option('--units <units>', 'UCUM units', 'mg/dL')
  .option('--range <range>', "reference range (default: the laboratory's own)")
  .addOption(new Option('--abnormal <flag>').choices(['', 'no', 'yes', 'low', 'high', 'vhigh']))
  .option('--comment <text>')
  .addOption(status())
  .action(
    (options: {
      pid: number;
      value: string;
      loinc: string;
      name: string;
      units: string;
      range?: string;
      abnormal?: '' | 'no' | 'yes' | 'low' | 'high' | 'vhigh';
      comment?: string;
      status?: ResultStatus;
    }) => play((connection) => newResult(connection, options)),
  );

program
  .command('correct-result')
  .description("correct a result's value; its status becomes `correct`")
  .addOption(new Option('--result <id>', 'procedure_result_id').argParser(toNumber).makeOptionMandatory())
  .requiredOption('--value <value>')
  .option('--comment <text>')
  .addOption(status())
  .action(({ result, ...options }: { result: number; value: string; comment?: string; status?: ResultStatus }) =>
    play((connection) => correctResult(connection, { resultId: result, ...options })),
  );

program
  .command('sign-report')
  .description('sign a report on the results screen: a clinician has seen it')
  .addOption(new Option('--report <id>', 'procedure_report_id').argParser(toNumber).makeOptionMandatory())
  .action(({ report }: { report: number }) => play((connection) => signReport(connection, report)));

program
  .command('book-appointment')
  .description("book an appointment with the patient's provider")
  .addOption(patient())
  .requiredOption('--date <date>', "such as 2026-12-01, on the clinic's clock")
  .requiredOption('--time <time>', 'such as 09:30')
  .option('--minutes <count>', 'how long', toNumber, 30)
  .option('--title <title>', 'as the calendar shows it', 'Office Visit')
  .option('--comment <text>')
  .action((options: { pid: number; date: string; time: string; minutes: number; title: string; comment?: string }) =>
    play((connection) => bookAppointment(connection, options)),
  );

program
  .command('set-appointment')
  .description("set an appointment's state")
  .addOption(new Option('--appointment <id>', 'pc_eid').argParser(toNumber).makeOptionMandatory())
  .requiredOption('--status <sign>', "OpenEMR's sign: x cancelled, ? no show, @ arrived, > checked out")
  .action(({ appointment, status: sign }: { appointment: number; status: string }) =>
    play((connection) => setAppointmentStatus(connection, { appointmentId: appointment, status: sign })),
  );

program
  .command('add-medication')
  .description('prescribe a medication')
  .addOption(patient())
  .requiredOption('--drug <name>', 'as printed, such as "Amlodipine 5 MG Oral Tablet"')
  .option('--rxnorm <code>')
  .option('--instructions <text>')
  .option('--quantity <quantity>')
  .option('--refills <count>', 'refills', toNumber)
  .option('--note <text>')
  .option('--on-list', 'also put it on the medication list')
  .option('--no-prescribe', 'with --on-list: only on the medication list')
  .action(
    (options: {
      pid: number;
      drug: string;
      rxnorm?: string;
      instructions?: string;
      quantity?: string;
      refills?: number;
      note?: string;
      onList?: boolean;
      prescribe: boolean;
    }) => play((connection) => addMedication(connection, options)),
  );

program
  .command('change-medication')
  .description('change or stop a prescription')
  .addOption(new Option('--prescription <id>', 'prescriptions.id').argParser(toNumber).makeOptionMandatory())
  .option('--instructions <text>')
  .option('--quantity <quantity>')
  .option('--refills <count>', 'refills', toNumber)
  .option('--note <text>')
  .option('--stop', 'end it today')
  .action(
    ({
      prescription,
      ...change
    }: {
      prescription: number;
      instructions?: string;
      quantity?: string;
      refills?: number;
      note?: string;
      stop?: boolean;
    }) => play((connection) => changeMedication(connection, { prescriptionId: prescription, ...change })),
  );

program
  .command('add-document')
  .description('file a document: a file of yours, or a sample')
  .addOption(patient())
  .option('--file <path>', 'the file')
  .option('--mimetype <type>', "the file's type", 'application/octet-stream')
  .addOption(new Option('--sample <kind>', 'a small document that says what it is').choices(SAMPLE_KINDS))
  .option('--text <text>', 'what stands in the sample', 'A sample.')
  .option('--category <name>', 'one of the categories of OpenEMR')
  .action(
    (options: { pid: number; file?: string; mimetype: string; sample?: SampleKind; text: string; category?: string }) =>
      play((connection) => {
        const { pid, file, mimetype, category } = options;
        const document =
          file === undefined
            ? sampleDocument(options.sample ?? 'pdf', options.text)
            : { name: basename(file), mimetype, bytes: readFileSync(file) };
        const filed = { ...document, pid, ...(category === undefined ? {} : { category }) };
        return addDocument(connection, readDocumentsDir(), filed);
      }),
  );

program
  .command('delete-document')
  .description('delete a document')
  .addOption(new Option('--id <id>', 'documents.id').argParser(toNumber).makeOptionMandatory())
  .action((options: { id: number }) => play((connection) => deleteDocument(connection, options)));

program
  .command('record-vitals')
  .description('enter vital signs into the last visit')
  .addOption(patient())
  .requiredOption('--systolic <mmHg>', 'upper blood pressure', toNumber)
  .requiredOption('--diastolic <mmHg>', 'lower blood pressure', toNumber)
  .option('--pulse <count>', 'per minute', toNumber, 0)
  .option('--weight <pounds>', 'weight', toNumber, 0)
  .option('--note <text>', 'remark', '')
  .action((options: NewVitals) => play((connection) => recordVitals(connection, options)));

program
  .command('write-note')
  .description('write a clinical note into the last visit; with a category it is the report of an examination')
  .addOption(patient())
  .requiredOption('--text <text>')
  .addOption(
    new Option('--type <type>', 'kind of note')
      .choices(Object.keys(NOTE_TYPES))
      .default('progress_note' satisfies NoteType),
  )
  .addOption(new Option('--category <category>', 'kind of report').choices(NOTE_CATEGORIES).default(''))
  .action((options: NewNote) => play((connection) => writeNote(connection, options)));

program
  .command('delete-row')
  .description('delete a row for good')
  .addOption(new Option('--table <table>').choices(Object.keys(DELETABLE)).makeOptionMandatory())
  .addOption(new Option('--id <id>').argParser(toNumber).makeOptionMandatory())
  .action((options: { table: DeletableTable; id: number }) => play((connection) => deleteRow(connection, options)));

program
  .command('move-row')
  .description('move a row that was filed to the wrong patient to the right one; an order takes its results along')
  .addOption(new Option('--table <table>').choices(Object.keys(MOVABLE)).makeOptionMandatory())
  .addOption(new Option('--id <id>').argParser(toNumber).makeOptionMandatory())
  .addOption(new Option('--to <pid>', 'the right patient').argParser(toNumber).makeOptionMandatory())
  .action((options: { table: MovableTable; id: number; to: number }) =>
    play((connection) => moveRow(connection, options)),
  );

program
  .command('merge')
  .description('merge two records of one patient, table by table, as the screen does')
  .addOption(new Option('--source <pid>', 'the record given up').argParser(toNumber).makeOptionMandatory())
  .addOption(new Option('--target <pid>', 'the record kept').argParser(toNumber).makeOptionMandatory())
  .option('--pause <ms>', 'rest between the tables', toNumber, 0)
  .action(({ pause, ...records }: { source: number; target: number; pause: number }) =>
    play((connection) => mergePatients(connection, { ...records, afterTable: () => rest(pause) })),
  );

program
  .command('list-mail')
  .description("a portal mailbox: a staff member's or, by portal user name, a patient's")
  .option('--owner <name>', 'whose mailbox', FRONT_DESK)
  .action((options: { owner: string }) => play(async (connection) => ({ mail: await listMail(connection, options) })));

program
  .command('reply')
  .description('answer the newest note of the inbox, or a given one')
  .addOption(staff())
  .addOption(new Option('--pid <pid>', 'only notes of this patient').argParser(toNumber))
  .addOption(new Option('--note <id>', 'this note').argParser(toNumber))
  .addOption(new Option('--chain <number>', 'the newest note of this thread').argParser(toNumber))
  .requiredOption('--text <text>')
  .action(({ note, text, ...choice }: { staff: string; pid?: number; note?: number; chain?: number; text: string }) =>
    play((connection) => reply(connection, { ...choice, noteId: note, body: editorHtml(text) })),
  );

program
  .command('start-mail')
  .description('write to a patient first')
  .addOption(staff())
  .addOption(patient())
  .option('--title <title>', 'subject', 'General')
  .requiredOption('--text <text>')
  .action(({ text, ...mail }: { staff: string; pid: number; title: string; text: string }) =>
    play((connection) => startMail(connection, { ...mail, body: editorHtml(text) })),
  );

program
  .command('assign-uuids')
  .description("give rows their uuid, as OpenEMR's own job does later")
  .action(() => play((connection) => assignUuids(connection)));

await program.parseAsync();
