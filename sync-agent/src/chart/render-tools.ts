import type { ClinicTime } from './clinic-time.js';
import type { ListOptions } from './coded-values.js';
import type { People } from './people.js';
import type { ResourceIds } from './resource-id.js';

/** What every renderer of one chart works with. */
export interface RenderTools {
  siteId: string;
  pid: number;
  /** the clinic's date of the snapshot */
  readOn: string;
  ids: ResourceIds;
  time: ClinicTime;
  options: ListOptions;
  people: People;
}
