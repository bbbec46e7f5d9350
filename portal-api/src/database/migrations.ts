import { CreateReplica1763800000000 } from './migrations/1763800000000-create-replica.js';
import { CreateSubmissions1763800000001 } from './migrations/1763800000001-create-submissions.js';
import { CreateAccounts1763800000002 } from './migrations/1763800000002-create-accounts.js';
import { CreateAudit1763800000003 } from './migrations/1763800000003-create-audit.js';
import { CreateEras1763900000000 } from './migrations/1763900000000-create-eras.js';
import { CreateCut1763900000001 } from './migrations/1763900000001-create-cut.js';
import { CreateBlobs1764000000000 } from './migrations/1764000000000-create-blobs.js';
import { AddAccountEnd1764200000000 } from './migrations/1764200000000-add-account-end.js';
import { IndexAuditByPerson1764300000000 } from './migrations/1764300000000-index-audit-by-person.js';

/** All migrations in order. Append only: what has run somewhere is never changed. */
export const MIGRATIONS = [
  CreateReplica1763800000000,
  CreateSubmissions1763800000001,
  CreateAccounts1763800000002,
  CreateAudit1763800000003,
  CreateEras1763900000000,
  CreateCut1763900000001,
  CreateBlobs1764000000000,
  AddAccountEnd1764200000000,
  IndexAuditByPerson1764300000000,
];
