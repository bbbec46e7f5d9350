import { DefaultNamingStrategy, type NamingStrategyInterface, type Table } from 'typeorm';

/** `patientRef` in a class is `patient_ref` in its table; indexes without a name get a readable one, not a hash. */
export class SnakeNaming extends DefaultNamingStrategy implements NamingStrategyInterface {
  override columnName(propertyName: string, customName: string | undefined): string {
    return customName ?? propertyName.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }

  override indexName(table: Table | string, columns: string[]): string {
    return `ix_${this.getTableName(table)}_${columns.join('_')}`;
  }
}
