import { Readable } from 'node:stream';
import { Injectable, Logger } from '@nestjs/common';
import { SealBroken } from 'sync-contract/aead';
import { BlobSeal, openBlob } from 'sync-contract/blob';
import { DocumentsContent, type DocumentContent, type Resource } from 'sync-contract/section-content';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import type { AuditOrigin } from '../audit/audit-origin.js';
import { AuditService } from '../audit/audit.service.js';
import { PortalConfig } from '../config.js';
import { hexBytes } from '../database/hex-column.js';
import { NotFound } from '../problems/request.problems.js';
import { ChartReader } from '../replica/chart-reader.js';
import { ReplicaUnverified, SectionNotFound } from '../replica/chart.problems.js';
import { preparedQuery } from '../database/prepared-query.js';
import type { ChartAccess } from '../sessions/session.js';
import { contentKind, type ContentKind } from './content-kind.js';
import { DocumentNotOffered, DocumentNotReady } from './document.problems.js';
import { fileName } from './file-name.js';

/** A document whose first bytes were opened and whose opening stands in the audit log. */
export interface OpenedDocument {
  kind: ContentKind;
  /** whether a browser may show it instead of saving it */
  isShown: boolean;
  name: string;
  /** bytes */
  size: number;
  stream: Readable;
}

type HeldContent = Extract<DocumentContent, { state: 'held' }>;

interface BlobRow {
  patientRef: string;
  chunks: number;
  size: number;
  sha256: string;
  isWhole: number;
}

const Attachment = z.looseObject({ contentType: z.string().default(''), title: z.string().default('') });
const DocumentReference = z.looseObject({
  content: z.array(z.looseObject({ attachment: Attachment })).min(1),
});

/**
 * Opens documents of a chart. The section `documents`, which the inside signed and sealed, says which bytes they are and
 * has the key; of the stored bytes one chunk at a time is in memory, opened, and none on disk.
 */
@Injectable()
export class DocumentsService {
  private readonly logger = new Logger(DocumentsService.name);

  constructor(
    private readonly dataSource: DataSource,
    private readonly config: PortalConfig,
    private readonly reader: ChartReader,
    private readonly audit: AuditService,
  ) {}

  /**
   * @param wish what the person asked for; what is not harmless is saved to a file in any case
   * @throws NotFound, DocumentNotReady, DocumentNotOffered, ReplicaUnverified, ChartNotReady
   */
  async open(
    chart: ChartAccess,
    documentId: string,
    wish: 'view' | 'download',
    origin: AuditOrigin,
  ): Promise<OpenedDocument> {
    const { resource, content } = await this.find(chart, documentId);
    const { contentType, title } = attachmentOf(resource);
    await this.assertStored(chart.patientRef, content);
    const opened = this.contentOf(chart.patientRef, content);
    const noteBroken = (): Promise<void> =>
      this.audit.record({
        ...origin,
        action: 'document-broken',
        outcome: 'failed',
        onBehalfOf: chart.patientRef,
        object: content.blobId,
      });
    const first = await firstOf(opened, noteBroken);
    const kind = contentKind(first, contentType);
    const isShown = wish === 'view' && kind.isViewable;
    await this.audit.record({
      ...origin,
      action: isShown ? 'document-view' : 'document-download',
      outcome: 'ok',
      onBehalfOf: chart.patientRef,
      object: documentId,
    });
    return {
      kind,
      isShown,
      name: fileName(title),
      size: content.size,
      stream: Readable.from(this.rest(first, opened, origin, noteBroken), { objectMode: false }),
    };
  }

  private async find(chart: ChartAccess, documentId: string): Promise<{ resource: Resource; content: HeldContent }> {
    const { resources, contents } = await this.list(chart);
    const resource = resources.find(({ id }) => id === documentId);
    const content = contents.find((each) => each.documentId === documentId);
    if (resource === undefined || content === undefined) {
      throw new NotFound();
    }
    if (content.state === 'waiting') {
      throw new DocumentNotReady();
    }
    if (content.state === 'none') {
      throw new DocumentNotOffered();
    }
    return { resource, content };
  }

  private async list(chart: ChartAccess): Promise<DocumentsContent> {
    try {
      return DocumentsContent.parse(await this.reader.readJson(chart, 'documents'));
    } catch (error: unknown) {
      throw error instanceof SectionNotFound ? new NotFound() : error;
    }
  }

  /** Bytes that are still on their way are told from bytes that somebody changed. */
  private async assertStored(patientRef: string, content: HeldContent): Promise<void> {
    const [row] = await preparedQuery<BlobRow>(
      this.dataSource,
      `SELECT LOWER(HEX(patient_ref)) AS patientRef, chunks, size, LOWER(HEX(sha256)) AS sha256,
          completed_at IS NOT NULL AS isWhole FROM document_blob WHERE blob_id = ?`,
      [hexBytes(content.blobId)],
    );
    if (row === undefined || row.isWhole !== 1) {
      throw new DocumentNotReady();
    }
    const { shape } = this.sealOf(patientRef, content);
    const isNamed = row.patientRef === patientRef && row.sha256 === content.sha256;
    if (!isNamed || row.chunks !== shape.chunks || row.size !== shape.size) {
      throw new ReplicaUnverified('a document is not the one of its list entry');
    }
  }

  private sealOf(patientRef: string, { blobId, key, size }: HeldContent): BlobSeal {
    return new BlobSeal(Buffer.from(key, 'base64url'), { site: this.config.siteId, patientRef, blobId }, size);
  }

  private contentOf(patientRef: string, content: HeldContent): AsyncGenerator<Buffer> {
    const seal = this.sealOf(patientRef, content);
    return openBlob(seal, content, this.chunksOf(content.blobId, seal.shape.chunks));
  }

  private async *chunksOf(blobId: string, chunks: number): AsyncGenerator<Buffer> {
    for (let n = 0; n < chunks; n += 1) {
      const [row] = await preparedQuery<{ sealed: Buffer }>(
        this.dataSource,
        'SELECT sealed FROM document_chunk WHERE blob_id = ? AND n = ?',
        [hexBytes(blobId), n],
      );
      if (row === undefined) {
        throw new SealBroken();
      }
      yield row.sealed;
    }
  }

  /** What fails here cannot be told to the browser any more: the connection breaks before the promised length. */
  private async *rest(
    first: Buffer,
    opened: AsyncGenerator<Buffer>,
    { requestId }: AuditOrigin,
    noteBroken: () => Promise<void>,
  ): AsyncGenerator<Buffer> {
    try {
      yield first;
      yield* opened;
    } catch (error: unknown) {
      const isBroken = error instanceof SealBroken;
      const code = isBroken ? 'replica-unverified' : 'unexpected';
      this.logger.error({ requestId, code, reason: 'a document broke off while it was sent' });
      if (isBroken) {
        await noteBroken();
      }
      throw error;
    }
  }
}

/**
 * Of a document in one chunk this is all of it, and its hash was compared.
 * @throws ReplicaUnverified, behind a note about it that makes the inside look at the bytes and send them again
 */
async function firstOf(opened: AsyncGenerator<Buffer>, noteBroken: () => Promise<void>): Promise<Buffer> {
  try {
    const first = await opened.next();
    return first.done === true ? Buffer.alloc(0) : first.value;
  } catch (error: unknown) {
    if (error instanceof SealBroken) {
      await noteBroken();
      throw new ReplicaUnverified('a document does not open');
    }
    throw error;
  }
}

function attachmentOf(resource: Resource): z.infer<typeof Attachment> {
  const parsed = DocumentReference.safeParse(resource);
  return parsed.data?.content[0]?.attachment ?? { contentType: '', title: '' };
}
