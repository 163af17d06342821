// What a series of samples means, by the rules of Azure's deployment gates. Knows no clock: every
// time comes from the caller.
#include "rollout/gate.h"

#include <math.h>

#define SHORTEST_INTERVAL 0.01 // seconds
#define GAP_SLACK 60e6         // microseconds

static int64_t microseconds(double seconds)
{
    if (!(seconds > 0))
        return 0;
    return seconds < 1e12 ? (int64_t)llround(seconds * 1e6) : (int64_t)1e18;
}

static int64_t interval(const struct gate_poll *p)
{
    return microseconds(fmax(p->timing.every, SHORTEST_INTERVAL));
}

void gate_poll_init(struct gate_poll *p, const struct gate_timing *t, int64_t now)
{
    *p = (struct gate_poll){.timing = *t, .began = now, .last = now, .verdict = GATES_PENDING};
    p->deadline = now + microseconds(t->timeout);
    p->next = now + microseconds(t->delay);
    if (p->next > p->deadline)
        p->next = p->deadline;
}

// Where the clock was set back, all times that lie behind move with it.
static void move_clock(struct gate_poll *p, int64_t now)
{
    int64_t back = p->last - now;
    if (back > 0) {
        p->began -= back;
        p->deadline -= back;
        p->next -= back;
        if (p->green_since)
            p->green_since -= back;
        if (p->sampled)
            p->sampled -= back;
    }
    p->last = now;
}

static enum gate_verdict decide(struct gate_poll *p, enum gate_verdict v)
{
    if (p->verdict == GATES_PENDING)
        p->verdict = v;
    return p->verdict;
}

enum gate_verdict gate_poll_check(struct gate_poll *p, int64_t now)
{
    move_clock(p, now);
    return decide(p, now >= p->deadline ? GATES_FAILED : GATES_PENDING);
}

enum gate_verdict gate_poll_add(struct gate_poll *p, int64_t now, bool all_green)
{
    move_clock(p, now);
    if (p->verdict != GATES_PENDING)
        return p->verdict;
    p->samples++;
    bool gap = p->sampled && now - p->sampled > 2 * interval(p) + (int64_t)GAP_SLACK;
    if (!all_green)
        p->green_since = 0;
    else if (!p->green_since || gap)
        p->green_since = now;
    p->sampled = now;
    p->next = now + interval(p);
    if (p->next > p->deadline)
        p->next = p->deadline;
    if (now > p->deadline)
        return decide(p, GATES_FAILED);
    if (p->green_since && now - p->green_since >= microseconds(p->timing.green_for))
        return decide(p, GATES_PASSED);
    return decide(p, now == p->deadline ? GATES_FAILED : GATES_PENDING);
}
