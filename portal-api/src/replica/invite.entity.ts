import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import { binary } from '../database/hex-column.js';

/** `open` until a person made an account with it (`used`) or inside withdrew it (`void`). */
export const INVITE_STATES = ['open', 'used', 'void'] as const;
export type InviteState = (typeof INVITE_STATES)[number];

/** What the DMZ knows of an invite: enough to recognise its code, not the code. */
@Entity('invite')
@Index('ux_invite_lookup', ['lookup'], { unique: true })
@Index('ix_invite_expires_at', ['expiresAt'])
export class Invite {
  @PrimaryColumn(binary(5))
  inviteId!: string;

  @Column(binary(32))
  lookup!: string;

  @Column({ type: 'datetime', precision: 3 })
  expiresAt!: Date;

  @Column({ type: 'varchar', length: 8 })
  state!: InviteState;

  /** the account that used it */
  @Column({ ...binary(16), nullable: true })
  accountRef!: string | null;
}
