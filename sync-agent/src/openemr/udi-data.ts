import { z } from 'zod';

const UdiText = z
  .union([z.string(), z.number()])
  .transform((value) => String(value).trim())
  .catch('');

/** What OpenEMR keeps of a unique device identifier after it was looked up, as JSON in `lists.udi_data`. */
const UdiElements = z.object({
  di: UdiText,
  donationId: UdiText,
  deviceName: UdiText,
  brandName: UdiText,
  companyName: UdiText,
  versionModelNumber: UdiText,
  manufacturingDate: UdiText,
  expirationDate: UdiText,
  lotNumber: UdiText,
  serialNumber: UdiText,
});
export type UdiElements = z.infer<typeof UdiElements>;

/** Parts that are absent are ''; so are all of them when the text is no such JSON. */
export function parseUdiData(stored: string): UdiElements {
  return UdiElements.parse(standardElements(stored));
}

function standardElements(stored: string): Record<string, unknown> {
  try {
    return z.object({ standard_elements: z.record(z.string(), z.unknown()) }).parse(JSON.parse(stored))
      .standard_elements;
  } catch {
    return {};
  }
}
