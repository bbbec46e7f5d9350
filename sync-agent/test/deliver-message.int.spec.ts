import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RowDataPacket } from 'mysql2/promise';
import { listMail, reply, startMail } from 'infra/openemr-sim/clinic-mail';
import { readRecordedRows } from 'infra/openemr-sim/sim-data';
import { Stream, Submission, Thread, ThreadMail } from '../src/ledger/submission.entities.js';
import { chainThreadId } from '../src/openemr/mail-thread.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { DeliverUnderTest } from './deliver-under-test.js';

const PID = 5005;
const PATIENT = 'Clemente5005';
const PATIENT_NAME = 'Clemente Kreiger';

let agent: DeliverUnderTest;
let patient: JoinedPatient;

beforeAll(async () => {
  agent = await DeliverUnderTest.start('deliver_message', { default: 'admin', Billing: 'drgreene' });
  patient = await agent.joinedPatient(PID);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await agent.forgetMails();
});

const golden = readRecordedRows('screens', 'onsite_mail');

/** A recorded row as it has to look for another patient and other ids. */
function expected(
  recordedId: number,
  ids: Record<number, number>,
  changes: Record<string, unknown>,
): Record<string, unknown> {
  const row = golden.find(({ id }) => id === recordedId) ?? {};
  const rename = (value: unknown): unknown =>
    value === 'Alice1' ? PATIENT : value === 'Alice Synthetic' ? PATIENT_NAME : value;
  const renamed = Object.fromEntries(Object.entries(row).map(([column, value]) => [column, rename(value)]));
  const renumber = (value: unknown): unknown => ids[Number(value)];
  return {
    ...renamed,
    id: renumber(row['id']),
    mail_chain: renumber(row['mail_chain']),
    reply_mail_chain: renumber(row['reply_mail_chain']),
    ...changes,
  };
}

function plain(row: RowDataPacket | undefined): Record<string, unknown> {
  return { ...row };
}

function clinicDate(row: RowDataPacket | undefined): string {
  return String(row?.['date']);
}

describe('a message in OpenEMR', () => {
  it('is the two rows that the real portal writes, and staff answer it as they answer those', async () => {
    const body = 'Real portal message: please call me';
    const { threadId } = await agent.dmz.submitMessage(patient, { body });
    await agent.collectAndDeliver();

    const [own, staffs, ...more] = await agent.mails();
    expect(more).toEqual([]);
    const ids = { 1: Number(own?.['id']), 2: Number(staffs?.['id']) };
    // OpenEMR leaves this column empty and no program of it reads it; ours knows its delivery again by it.
    const header = String(own?.['header']);
    expect(header).toMatch(/^portal-message:[0-9a-f]{64}$/);
    const date = clinicDate(own);
    expect(plain(own)).toEqual(expected(1, ids, { date, header }));
    // Recorded after the administrator had opened it.
    expect(plain(staffs)).toEqual(expected(2, ids, { date, header, message_status: 'New' }));

    const answer = await reply(agent.clinic, {
      staff: 'admin',
      pid: PID,
      body: '<p>Staff reply: we will call at 3pm</p>',
    });
    const all = { ...ids, 3: answer.staffCopyId, 4: answer.patientCopyId };
    const answered = await agent.mails();
    expect(plain(answered[1])).toEqual(expected(2, all, { date, header }));
    expect(plain(answered[2])).toEqual(expected(3, all, { date: clinicDate(answered[2]) }));
    expect(plain(answered[3])).toEqual(expected(4, all, { date: clinicDate(answered[3]) }));

    await agent.dmz.submitMessage(patient, { threadId, body: 'Thank you' });
    await agent.collectAndDeliver();
    const [, , , , ownReply, staffsReply] = await agent.mails();
    const replied = { ...all, 5: Number(ownReply?.['id']), 6: Number(staffsReply?.['id']) };
    // By symmetry with staff's answer, rows 3 and 4: sides changed.
    const marked = { header: ownReply?.['header'] as unknown };
    expect(marked.header).not.toBe(header);
    const sides = { ...expected(1, replied, marked), body: '<p>Thank you</p>', date: clinicDate(ownReply) };
    expect(plain(ownReply)).toEqual({
      ...sides,
      id: replied[5],
      message_status: 'Reply',
      mail_chain: replied[1],
      reply_mail_chain: replied[1],
    });
    expect(plain(staffsReply)).toEqual({
      ...sides,
      id: replied[6],
      owner: 'admin',
      message_status: 'New',
      mail_chain: replied[2],
      reply_mail_chain: replied[1],
    });

    const second = await reply(agent.clinic, { staff: 'admin', pid: PID, body: '<p>Done</p>' });
    expect(second.noteId).toBe(replied[6]);
    const patientsView = await listMail(agent.clinic, { owner: PATIENT });
    const staffsView = await listMail(agent.clinic, { owner: 'admin' });
    expect(patientsView.map(({ mailChain }) => mailChain)).toEqual(Array(4).fill(replied[1]));
    expect(staffsView.map(({ mailChain }) => mailChain)).toEqual(Array(4).fill(replied[2]));
    expect(patientsView.map(({ body: text }) => text)).toEqual(staffsView.map(({ body: text }) => text));
  });

  it('stands in the ledger together with its rows: thread, mails, DONE and the next number', async () => {
    const { item, threadId } = await agent.dmz.submitMessage(patient, { topic: 'Results', subject: 'HbA1c' });
    await agent.collectAndDeliver();
    const [own, staffs] = await agent.mails();
    const { manager } = agent.ledger;
    expect(await manager.findOneByOrFail(Thread, { threadId })).toMatchObject({
      pid: PID,
      topic: 'Results',
      subject: 'HbA1c',
      firstPatientMailId: own?.['id'],
      firstStaffMailId: staffs?.['id'],
    });
    const mails = await manager.find(ThreadMail, { where: { threadId }, order: { mailId: 'ASC' } });
    expect(mails).toMatchObject([
      { mailId: own?.['id'], submissionId: item.submissionId },
      { mailId: staffs?.['id'], submissionId: item.submissionId },
    ]);
    const { submissionId } = item;
    expect(await manager.findOneByOrFail(Submission, { submissionId })).toMatchObject({
      state: 'DONE',
      reason: null,
      effect: { patientMailId: own?.['id'], staffMailId: staffs?.['id'] },
    });
    expect(await manager.findOneByOrFail(Stream, { stream: threadId })).toMatchObject({
      nextSeq: 2,
      stoppedReason: null,
    });
    expect(own?.['title']).toBe('Results: HbA1c');
  });

  it('carries the clinic’s wall clock, whatever the session’s zone is', async () => {
    await agent.dmz.submitMessage(patient);
    await agent.collectAndDeliver();
    const [own] = await agent.rows(
      `SELECT TIMESTAMPDIFF(SECOND, date, CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'America/New_York')) AS late FROM onsite_mail`,
    );
    expect(Math.abs(Number(own?.['late']))).toBeLessThan(5);
  });

  it('goes to the pool of its topic', async () => {
    await agent.dmz.submitMessage(patient, { topic: 'Billing' });
    await agent.collectAndDeliver();
    const [own] = await agent.mails();
    expect(own).toMatchObject({ recipient_id: 'drgreene', recipient_name: 'Hannah Greene' });
  });

  it('is text to the reader: markup typed by the patient is escaped, lines are kept', async () => {
    await agent.dmz.submitMessage(patient, {
      subject: '<script>x</script>',
      body: 'one <img src=x onerror="alert(1)">\ntwo & \'three\'',
    });
    await agent.collectAndDeliver();
    for (const mail of await agent.mails()) {
      expect(mail['body']).toBe(
        '<p>one &lt;img src=x onerror=&quot;alert(1)&quot;&gt;<br>two &amp; &#039;three&#039;</p>',
      );
      expect(mail['title']).not.toMatch(/[<>]/);
    }
  });

  it('of 20,000 characters outside the basic plane arrives whole', async () => {
    const body = '😀'.repeat(20_000);
    await agent.dmz.submitMessage(patient, { body });
    await agent.collectAndDeliver();
    const [own] = await agent.mails();
    expect(own?.['body']).toBe(`<p>${body}</p>`);
  });
});

describe('a conversation that staff began', () => {
  it('is found again by the patient’s answer, which joins both chains and goes to who wrote', async () => {
    const sent = await startMail(agent.clinic, {
      staff: 'drgreene',
      pid: PID,
      title: 'Insurance',
      body: '<p>Your card?</p>',
    });
    const [staffs, own] = await agent.mails();
    const threadId = chainThreadId(agent.keys.resourceIdKey, PID, sent.patientCopyId);
    await agent.dmz.submitMessage(patient, { threadId, topic: 'General', subject: 'ignored', body: 'Here it is' });
    await agent.collectAndDeliver();

    const [, , ownReply, staffsReply] = await agent.mails();
    expect(ownReply).toMatchObject({
      owner: PATIENT,
      recipient_id: 'drgreene',
      title: 'Insurance',
      message_status: 'Reply',
      mail_chain: own?.['mail_chain'],
      reply_mail_chain: own?.['mail_chain'],
    });
    expect(staffsReply).toMatchObject({
      owner: 'drgreene',
      message_status: 'New',
      mail_chain: staffs?.['mail_chain'],
      reply_mail_chain: own?.['mail_chain'],
    });
    expect(await agent.ledger.manager.findOneByOrFail(Thread, { threadId })).toMatchObject({
      topic: 'Insurance',
      subject: '',
      firstPatientMailId: own?.['mail_chain'],
      firstStaffMailId: staffs?.['mail_chain'],
    });

    const answer = await reply(agent.clinic, { staff: 'drgreene', pid: PID, body: '<p>Thanks</p>' });
    const chains = (await listMail(agent.clinic, { owner: PATIENT })).map(({ mailChain }) => mailChain);
    expect(new Set(chains).size).toBe(1);
    expect(answer.noteId).toBe(staffsReply?.['id']);
  });

  it('goes on with whoever wrote last, also when that copy carries a number of its own', async () => {
    const { threadId } = await agent.dmz.submitMessage(patient, { body: 'Who looks after this?' });
    await agent.collectAndDeliver();
    const [own, staffs] = await agent.mails();
    // As programs beside OpenEMR's screens write it: numbered by itself, answering the patient's copy.
    await agent.clinic.query(
      `INSERT INTO onsite_mail (date, owner, user, groupname, activity, authorized, title, body, recipient_id,
         recipient_name, sender_id, sender_name, assigned_to, deleted, mtype, message_status, mail_chain, reply_mail_chain, is_msg_encrypted)
       SELECT date, owner, user, groupname, activity, authorized, title, '<p>I do</p>', owner,
         '', 'drgreene', 'Dr Greene', assigned_to, 0, mtype, 'New', id + 100000, id, 0
         FROM onsite_mail WHERE id = ?`,
      [Number(own?.['id'])],
    );
    await agent.clinic.query("UPDATE onsite_mail SET mail_chain = id WHERE sender_id = 'drgreene'");
    await agent.dmz.submitMessage(patient, { threadId, body: 'Thank you' });
    await agent.collectAndDeliver();
    const [ownNext, staffsNext] = (await agent.mails()).slice(-2);
    expect(ownNext).toMatchObject({ recipient_id: 'drgreene', mail_chain: own?.['mail_chain'] });
    expect(staffsNext).toMatchObject({ owner: 'drgreene' });
    expect(staffs).toMatchObject({ owner: 'admin' });
  });

  it('of another patient cannot be entered: the id leads to a conversation of the sender’s own', async () => {
    const sent = await startMail(agent.clinic, {
      staff: 'admin',
      pid: 5006,
      title: 'General',
      body: '<p>For Gloria</p>',
    });
    const threadId = chainThreadId(agent.keys.resourceIdKey, 5006, sent.patientCopyId);
    await agent.dmz.submitMessage(patient, { threadId });
    await agent.collectAndDeliver();
    const [, , own] = await agent.mails();
    expect(own).toMatchObject({ owner: PATIENT, mail_chain: own?.['id'] });
    expect(await listMail(agent.clinic, { owner: 'Gloria5006' })).toHaveLength(1);
  });
});

describe('who receives an answer', () => {
  it('is the pool when the member of staff left, and the conversation stays one', async () => {
    const { threadId } = await agent.dmz.submitMessage(patient, { topic: 'Billing' });
    await agent.collectAndDeliver();
    await agent.clinic.query("UPDATE users SET active = 0 WHERE username = 'drgreene'");
    try {
      await agent.dmz.submitMessage(patient, { threadId, topic: 'General' });
      await agent.collectAndDeliver();
      const [own, staffs, ownNext, staffsNext] = await agent.mails();
      expect(staffsNext).toMatchObject({ owner: 'admin', mail_chain: staffs?.['mail_chain'] });
      expect(ownNext?.['mail_chain']).toBe(own?.['mail_chain']);
    } finally {
      await agent.clinic.query("UPDATE users SET active = 1 WHERE username = 'drgreene'");
    }
  });

  it.each([
    ['is not active', 'active = 0', 'active = 1'],
    ['is not marked for portal mail', 'portal_user = 0', 'portal_user = 1'],
    ['does not exist', "username = 'admin-away'", "username = 'admin'"],
  ])(
    'when the pool %s is nobody yet: the message waits, unwritten, with a reason in words',
    async (_, broken, mended) => {
      const { item, threadId } = await agent.dmz.submitMessage(patient);
      await agent.clinic.query(`UPDATE users SET ${broken} WHERE id = 1`);
      try {
        await expect(agent.collectAndDeliver()).rejects.toMatchObject({
          code: 'delivery-transient',
          message: expect.stringContaining('OpenEMR user "admin"'),
        });
        expect(await agent.mails()).toEqual([]);
        const { submissionId } = item;
        expect(await agent.ledger.manager.findOneByOrFail(Submission, { submissionId })).toMatchObject({
          state: 'RECEIVED',
        });
        expect(await agent.ledger.manager.findOneByOrFail(Stream, { stream: threadId })).toMatchObject({
          nextSeq: 1,
          stoppedReason: null,
        });
      } finally {
        await agent.clinic.query(`UPDATE users SET ${mended} WHERE id = 1`);
      }
      await agent.deliver();
      expect(await agent.mails()).toHaveLength(2);
    },
  );
});

describe('a portal name that OpenEMR has for two', () => {
  it('gets no mail until it is one patient’s: the message waits with a reason that names nobody', async () => {
    const { item } = await agent.dmz.submitMessage(patient);
    await agent.clinic.query("UPDATE patient_access_onsite SET portal_username = 'clemente5005' WHERE pid = 5007");
    await expect(agent.collectAndDeliver()).rejects.toMatchObject({
      code: 'delivery-transient',
      message: expect.not.stringMatching(/clemente/i),
    });
    expect(await agent.mails()).toEqual([]);
    await agent.clinic.query("UPDATE patient_access_onsite SET portal_username = 'Other' WHERE pid = 5007");
    await agent.deliver();
    const { submissionId } = item;
    expect(await agent.ledger.manager.findOneByOrFail(Submission, { submissionId })).toMatchObject({ state: 'DONE' });
  });
});
