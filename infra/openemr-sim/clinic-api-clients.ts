import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';

/** The administrator's click in Admin → System → API Clients. */
export async function enableApiClient(connection: Connection, clientId: string, enabled: boolean): Promise<Commit> {
  await openScreen(connection);
  const [[result], commit] = await commitBetween(connection, () =>
    connection.query<ResultSetHeader>('UPDATE oauth_clients SET is_enabled = ? WHERE client_id = ?', [
      enabled ? 1 : 0,
      clientId,
    ]),
  );
  if (result.affectedRows !== 1) {
    throw new ClinicRefusal('there is no such API client');
  }
  return commit;
}
