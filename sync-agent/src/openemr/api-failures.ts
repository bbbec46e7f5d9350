/** A call of OpenEMR's API that did not succeed. Decided by status and cause where it happens, never by a message's text. */
export abstract class OpenEmrApiFailure extends Error {
  abstract readonly logLevel: 'warn' | 'error';
  constructor(
    /** fixed word for the cause; see `API_FAILURES` */
    readonly code: ApiFailureCode,
    sentence: string,
  ) {
    super(sentence);
  }
}

/** What each cause means, when it is normal, and what to do. */
export const API_FAILURES = {
  /** Nothing answers at OPENEMR_URL. Normal while OpenEMR's host restarts; else check address, port and firewall. */
  unreachable: 'openemr-unreachable',
  /** The certificate is not from OPENEMR_CA_FILE, not for the host in OPENEMR_URL, or out of its time. Never normal. */
  certificate: 'openemr-certificate-refused',
  /** No whole answer within the call's time. Normal under load; it is tried again. */
  tooSlow: 'openemr-too-slow',
  /** The connection broke off in the middle. Normal while OpenEMR's web server restarts. */
  broken: 'openemr-connection-broken',
  /** 5xx, 408 or 429. Normal in short spells; OpenEMR's own log tells why. */
  unavailable: 'openemr-unavailable',
  /** Not what the call has to answer, e.g. a sign-in page. OPENEMR_URL points at something else, or OpenEMR is being updated. */
  answer: 'openemr-answer-refused',
  /** More bytes than the call may answer. For a document: it is larger than the portal takes. */
  tooLarge: 'openemr-answer-too-large',
  /** OpenEMR sends the caller to another address. OPENEMR_URL must be the address that answers itself. */
  redirect: 'openemr-redirects',
  /** OpenEMR has no such site (OPENEMR_SITE). */
  site: 'openemr-site-unknown',
  /** The client is not registered, or no administrator has enabled it. Normal between `register` and that click. */
  clientDisabled: 'openemr-client-disabled',
  /** The signed assertion is not accepted: clocks differ, another key is registered, or OpenEMR's own address is another. */
  assertion: 'openemr-assertion-refused',
  /** This version of OpenEMR does not know a scope we ask for. */
  scopeUnknown: 'openemr-scope-unknown',
  /** OpenEMR granted less than asked, which it does without an error. Register a client again with the scopes. */
  scopeMissing: 'openemr-scope-missing',
  /** A fresh token is refused. The client was disabled a moment ago, or OpenEMR's keys are damaged. */
  tokenRefused: 'openemr-token-refused',
  /** The document is not there, or no longer. Normal after staff delete one. */
  documentMissing: 'openemr-document-missing',
  /** OpenEMR has given the patient no uuid, which its API needs. Normal for a while after a patient is registered. */
  patientUnnamed: 'openemr-patient-unnamed',
  /** Any other refusal of the call itself. */
  refused: 'openemr-refused',
  /** A registration was sent and no whole answer came: it may have happened. See API Clients in OpenEMR before sending another. */
  registrationInDoubt: 'openemr-registration-in-doubt',
  /** Registering anew is refused because a client id lies here already. */
  alreadyRegistered: 'openemr-already-registered',
  /** There is no client id yet; `register` makes it. Normal until then. */
  notRegistered: 'openemr-not-registered',
} as const;
export type ApiFailureCode = (typeof API_FAILURES)[keyof typeof API_FAILURES];

/** The call may be repeated later, unchanged; it has changed nothing in OpenEMR. */
export class OpenEmrTransient extends OpenEmrApiFailure {
  readonly logLevel = 'warn';
}

/** The call was sent and may have had its effect: look before sending it again. */
export class OpenEmrInDoubt extends OpenEmrApiFailure {
  readonly logLevel = 'error';
}

/** Repeating the call unchanged cannot help: a person has to set something. */
export class OpenEmrPermanent extends OpenEmrApiFailure {
  readonly logLevel = 'error';
}
