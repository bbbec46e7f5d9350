/**
 * OpenEMR has one name in portal mail for two people: `portal_username` is not unique, and mail knows its owner by nothing
 * else. Nothing is read or written under such a name, or one would get the other's mail. Whoever reads the sentence
 * mends it in OpenEMR.
 */
export class PortalNameShared extends Error {
  readonly code = 'portal-name-shared';
  readonly logLevel = 'error';
  constructor() {
    super(
      "the patient's portal user name in OpenEMR also belongs to another patient or a member of staff; give each a name of their own there",
    );
  }
}
