import type { UnitSystem } from '../chart/units.js';

/** How the person wants measurements shown; like everything here it is forgotten with the page. */
class Units {
  system = $state<UnitSystem>('us');
}

export const units = new Units();
