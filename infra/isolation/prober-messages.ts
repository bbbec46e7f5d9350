import { z } from 'zod';

/** What is asked of a prober, the program that runs in a network, and what it answers. */
const Address = z.union([z.ipv4(), z.ipv6()]);
const Port = z.int().min(1).max(65_535);

export const PROTOCOLS = ['tcp', 'udp', 'ping', 'dns'] as const;

export const Probe = z.object({
  protocol: z.enum(PROTOCOLS),
  from: Address,
  to: Address,
  /** 0 for ping */
  port: z.int().min(0).max(65_535),
});
export type Probe = z.infer<typeof Probe>;

/** `refused` and `unreachable` are answers too: whoever gives them was reached. Only silence is a closed door. */
export const Outcome = z.enum(['open', 'refused', 'unreachable', 'silent']);
export type Outcome = z.infer<typeof Outcome>;

export const Order = z.discriminatedUnion('kind', [
  /** answers at these ports wherever no other program does; UDP 53 answers as a name server */
  z.object({ kind: z.literal('listen'), addresses: z.array(Address), tcp: z.array(Port), udp: z.array(Port) }),
  z.object({ kind: z.literal('probe'), probes: z.array(Probe), patience: z.number() }),
  /** every TCP port of an address */
  z.object({ kind: z.literal('scan'), from: Address, to: Address, patience: z.number() }),
  /** one SYN from this port; what leaves the network is under another address, so no answer comes back */
  z.object({ kind: z.literal('forge'), from: Address, fromPort: Port, to: Address, port: Port }),
  z.object({
    kind: z.literal('tls'),
    to: Address,
    port: Port,
    servername: z.string(),
    ca: z.string(),
    cert: z.string().optional(),
    key: z.string().optional(),
    version: z.enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']),
    from: Address,
    /** sent once TLS stands; the answer's first line comes back */
    request: z.string(),
    renegotiate: z.boolean(),
  }),
  /** the same request without TLS */
  z.object({ kind: z.literal('plain'), from: Address, to: Address, port: Port, request: z.string() }),
]);
export type Order = z.infer<typeof Order>;

/** Ports that accepted, the first of those that gave any answer, and how many did and did not. */
export const Scan = z.object({
  open: z.array(z.number()),
  firstAnswers: z.array(z.number()),
  answered: z.number(),
  silent: z.number(),
});
export type Scan = z.infer<typeof Scan>;

/** What the far side said: its first line, or why there was none. */
export const Words = z.object({ line: z.string() });

export const Envelope = z.object({ id: z.number(), order: Order });
export const Reply = z.object({ id: z.number(), answer: z.unknown(), error: z.string().optional() });
export type Reply = z.infer<typeof Reply>;
