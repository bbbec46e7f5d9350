/** Class, table, and how a row of the patient comes, changes and goes. */
type PlannedRow = readonly [recordClass: string, table: string, ...changes: string[]];

export const plannedRows = (pid: number): readonly PlannedRow[] => [
  [
    'appointments',
    'openemr_postcalendar_events',
    `INSERT INTO openemr_postcalendar_events SET pc_eid = 990001, pc_pid = '${String(pid)}', pc_multiple = 0,
            pc_eventDate = '2026-12-01'`,
    "UPDATE openemr_postcalendar_events SET pc_apptstatus = 'x' WHERE pc_eid = 990001",
    'DELETE FROM openemr_postcalendar_events WHERE pc_eid = 990001',
  ],
  [
    'coverage',
    'insurance_data',
    `INSERT INTO insurance_data SET id = 990001, pid = ${String(pid)}, type = 'primary', plan_name = 'A'`,
    "UPDATE insurance_data SET plan_name = 'B' WHERE id = 990001",
    'DELETE FROM insurance_data WHERE id = 990001',
  ],
];
