import { describe, expect, it } from '@jest/globals';
import { readCarePlans, readCareTeams, readGoals } from './care.js';

describe('the care team', () => {
  it('names everybody it can name, with role and organization', () => {
    const [team] = readCareTeams([
      {
        resourceType: 'CareTeam',
        id: 't',
        status: 'active',
        participant: [
          {
            role: [{ text: 'Nurse' }],
            member: { reference: 'Practitioner/n' },
            onBehalfOf: { display: 'Main office' },
          },
          { member: { reference: 'Practitioner/unknown' } },
          { role: [{ text: 'Social worker' }] },
          { member: { display: 'Main office' } },
        ],
      },
      { resourceType: 'Practitioner', id: 'n', name: [{ text: 'Ann Ode' }] },
    ]);
    expect(team?.members.map(({ name, roles, organization }) => [name, roles, organization])).toEqual([
      ['Ann Ode', ['Nurse'], 'Main office'],
      ['Social worker', [], undefined],
      ['Main office', [], undefined],
    ]);
  });
});

describe('care plans', () => {
  it('say each activity once', () => {
    const [plan] = readCarePlans([
      {
        resourceType: 'CarePlan',
        id: 'p',
        status: 'active',
        description: 'Rest as discussed\nWalk daily',
        activity: [
          { detail: { code: { text: 'Rest' }, description: 'Rest as discussed', status: 'in-progress' } },
          { detail: { code: { text: 'Walking' }, description: 'Walk daily' } },
          {},
        ],
      },
    ]);
    expect(plan?.description).toBeUndefined();
    expect(plan?.activities.map(({ what, status }) => [what, status])).toEqual([
      ['Rest as discussed', 'in-progress'],
      ['Walking\nWalk daily', ''],
    ]);
  });
});

describe('goals', () => {
  it('do not repeat themselves as their target, and are over when they are', () => {
    const goal = (id: string, lifecycleStatus: string): object => ({
      resourceType: 'Goal',
      id,
      lifecycleStatus,
      description: { text: 'Walk 30 minutes' },
      target: [{ detailString: 'Walk 30 minutes', dueDate: '2027-03-31' }],
    });
    const read = readGoals([goal('a', 'active'), goal('b', 'completed'), goal('c', 'entered-in-error')]);
    expect(read.map(({ current, withdrawn, targets }) => [current, withdrawn, targets[0]?.words])).toEqual([
      [true, false, undefined],
      [false, false, undefined],
      [false, true, undefined],
    ]);
  });
});
