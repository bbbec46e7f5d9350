import { describe, expect, it } from '@jest/globals';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { EventStream } from './event-stream.js';

function streamTo(response: ServerResponse): { stream: EventStream; ends: () => number } {
  const stream = new EventStream('a'.repeat(64), 'b'.repeat(32), new Date(Date.now() + 60_000), response);
  let ends = 0;
  stream.onEnd(() => {
    ends += 1;
  });
  return { stream, ends: () => ends };
}

describe('a stream of events', () => {
  it('ends when its reader leaves, once', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    const { stream, ends } = streamTo(response);
    expect([stream.hasEnded, ends()]).toEqual([false, 0]);
    response.emit('close');
    stream.end();
    expect([stream.hasEnded, ends()]).toEqual([true, 1]);
  });

  it('has ended when its reader left before it was made: nobody would tell it later', () => {
    const response = new ServerResponse(new IncomingMessage(new Socket()));
    response.destroy();
    const { stream, ends } = streamTo(response);
    expect([stream.hasEnded, ends()]).toEqual([true, 1]);
  });
});
