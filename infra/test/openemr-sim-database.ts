import type { Connection } from 'mysql2/promise';
import { connectOpenEmr } from '../openemr-sim/connect.js';
import { createOpenEmrSchema } from '../openemr-sim/schema.js';
import { createTestDatabases, testServices } from '../services/test-services.js';

export interface SimDatabase extends AsyncDisposable {
  /** The account `openemr` in an OpenEMR-shaped database without a row, which this suite has to itself. */
  connection: Connection;
  name: string;
}

export async function openSimDatabase(label: string): Promise<SimDatabase> {
  const databases = await createTestDatabases(label);
  const { mariadb, secretFile } = testServices().inside;
  const connection = await connectOpenEmr({
    ...mariadb,
    database: databases.openemr,
    user: 'openemr',
    passwordFile: secretFile('openemr'),
  });
  await createOpenEmrSchema(connection);
  return {
    connection,
    name: databases.openemr,
    [Symbol.asyncDispose]: async () => {
      await connection.end();
      await databases.drop();
    },
  };
}
