// Windows and freezes: when something may happen, and when it next may.
#include "core/buf.h"
#include "core/date.h"
#include "core/zone.h"
#include "rollout/service.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SECOND INT64_C(1000000)
#define DAYS_AHEAD 366
#define WHOLE_DAY (24 * 60)

static const char *const day_names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

// --- reading
// ------------------------------------------------------------------------------------------

static int day_of(const char *s, size_t len)
{
    for (int i = 0; i < 7; i++)
        if (len == 3 && strncasecmp(s, day_names[i], 3) == 0)
            return i;
    return -1;
}

// "mon-fri", "sat,sun", "fri-mon", "daily"
static int read_days(const char *s, size_t len, uint8_t *ret, struct err *e)
{
    const char *end = s + len;
    if (len == 5 && strncmp(s, "daily", 5) == 0) {
        *ret = 0x7f;
        return 0;
    }
    *ret = 0;
    while (s < end) {
        size_t n = 0;
        while (s + n < end && s[n] != ',')
            n++;
        const char *dash = memchr(s, '-', n);
        size_t first = dash ? (size_t)(dash - s) : n;
        int from = day_of(s, first), to = dash ? day_of(dash + 1, n - first - 1) : from;
        if (from < 0 || to < 0) {
            char word[32];
            snprintf(word, sizeof word, "%.*s", (int)(from < 0 ? first : n - first - 1),
                     from < 0 ? s : dash + 1);
            const char *near = err_suggest(word, day_names, 7);
            return err_set(e, ERR_INVALID, POS_NONE, "'%s' is no day of the week%s%s%s", word,
                           near ? " (did you mean '" : " (mon, tue, wed, thu, fri, sat, sun)",
                           near ? near : "", near ? "'?)" : "");
        }
        for (int d = from;; d = (d + 1) % 7) {
            *ret |= (uint8_t)(1u << d);
            if (d == to)
                break;
        }
        s += n + (s + n < end);
    }
    return *ret ? 0 : err_set(e, ERR_INVALID, POS_NONE, "a list of days is empty");
}

// "08:00" or "8" as minutes; behind it in *end.
static bool read_clock(const char *s, const char **end, int *ret)
{
    int h = 0, m = 0, digits = 0;
    for (; isdigit((unsigned char)*s) && digits < 2; s++, digits++)
        h = h * 10 + (*s - '0');
    if (!digits)
        return false;
    if (*s == ':') {
        if (!isdigit((unsigned char)s[1]) || !isdigit((unsigned char)s[2]))
            return false;
        m = (s[1] - '0') * 10 + s[2] - '0';
        s += 3;
    }
    *end = s;
    *ret = h * 60 + m;
    return m < 60 && *ret <= WHOLE_DAY;
}

static int read_hours(const char *word, struct calendar_window *w, struct err *e)
{
    const char *s = word;
    if (!read_clock(s, &s, &w->from) || *s != '-' || !read_clock(s + 1, &s, &w->to) || *s)
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' are no hours (write 08:00-17:00)", word);
    if (w->from == w->to || w->from == WHOLE_DAY)
        return err_set(e, ERR_INVALID, POS_NONE, "the hours '%s' are empty", word);
    return 0;
}

int calendar_window_parse(struct arena *a, const char *text, const char *zone,
                          struct calendar_window *ret, struct err *e)
{
    struct calendar_window w = {.days = 0x7f, .to = WHOLE_DAY, .zone = zone, .text = text};
    bool days = false, hours = false, named = false;
    const char *s = text + strspn(text, " ");
    if (!*s)
        return err_set(e, ERR_INVALID, POS_NONE,
                       "a window is empty (write mon-fri 08:00-17:00 Europe/Berlin)");
    while (*s) {
        size_t n = strcspn(s, " ");
        const char *word = arena_strndup(a, s, n);
        int rc = 0;
        if (isdigit((unsigned char)*s) && !hours) {
            rc = read_hours(word, &w, e);
            hours = true;
        } else if (strchr(word, '/') || (isupper((unsigned char)*word) && day_of(word, 3) < 0)) {
            if (named)
                return err_set(e, ERR_INVALID, POS_NONE, "a window has one time zone");
            w.zone = word;
            named = true;
        } else if (!days && !hours && !named) {
            rc = read_days(s, n, &w.days, e);
            days = true;
        } else {
            rc = err_set(e, ERR_INVALID, POS_NONE,
                         "'%s' is too much: a window is days, hours and a time zone", word);
        }
        if (rc < 0)
            return rc;
        s += n;
        s += strspn(s, " ");
    }
    int rc = zone_load(a, w.zone, &w.rules, e);
    if (rc == 0)
        *ret = w;
    return rc;
}

int calendar_time_parse(struct arena *a, const char *text, const char *zone, bool end_of_day,
                        int64_t *ret, struct err *e)
{
    int y, mo, d, used = 0, minute = 0;
    const struct zone *z;
    if (sscanf(text, "%4d-%2d-%2d%n", &y, &mo, &d, &used) != 3 || used != 10 ||
        !zone_is_date(y, mo, d))
        return err_set(e, ERR_INVALID, POS_NONE,
                       "'%s' is no day (write 2026-12-24 or 2026-12-24 18:00)", text);
    const char *s = text + used;
    bool utc = false;
    if (*s == ' ' || *s == 'T') {
        if (!read_clock(s + 1, &s, &minute))
            return err_set(e, ERR_INVALID, POS_NONE,
                           "'%s' is no point in time (write 2026-12-24 18:00)", text);
        end_of_day = false;
        if (strncmp(s, ":00", 3) == 0)
            s += 3;
        utc = strcmp(s, "Z") == 0 || strcmp(s, "+00:00") == 0;
        s += utc ? strlen(s) : 0;
    }
    if (*s)
        return err_set(e, ERR_INVALID, POS_NONE, "'%s' has '%s' too much", text, s);
    int rc = zone_load(a, utc ? "UTC" : zone, &z, e);
    if (rc == 0)
        *ret = zone_moment(z, date_to_days(y, mo, d) + end_of_day, minute) * SECOND;
    return rc;
}

// --- asking
// ------------------------------------------------------------------------------------------

static bool window_open(const struct calendar_window *w, int64_t t)
{
    struct zone_time now = zone_at(w->rules, t);
    bool today = w->days & (1u << now.weekday),
         yesterday = w->days & (1u << ((now.weekday + 6) % 7));
    if (w->from < w->to)
        return today && now.minute >= w->from && now.minute < w->to;
    return (today && now.minute >= w->from) || (yesterday && now.minute < w->to);
}

static const struct calendar_freeze *frozen(const struct calendar *c, int64_t t)
{
    for (size_t i = 0; i < c->n_freezes; i++)
        if (t >= c->freezes[i].from && t < c->freezes[i].to)
            return &c->freezes[i];
    return NULL;
}

static bool in_window(const struct calendar *c, int64_t seconds)
{
    bool open = !c->n_windows;
    for (size_t i = 0; i < c->n_windows && !open; i++)
        open = window_open(&c->windows[i], seconds);
    return open;
}

static bool allowed(const struct calendar *c, int64_t t)
{
    return !frozen(c, t) && in_window(c, t / SECOND);
}

static void keep_earliest(const struct calendar *c, int64_t t, int64_t candidate, int64_t *best)
{
    if (candidate > t && (!*best || candidate < *best) && allowed(c, candidate))
        *best = candidate;
}

// What is allowed begins where a window opens, the clock changes, or a freeze ends.
static int64_t next_allowed(const struct calendar *c, int64_t t)
{
    int64_t best = 0;
    for (size_t i = 0; i < c->n_freezes; i++)
        keep_earliest(c, t, c->freezes[i].to, &best);
    for (size_t i = 0; i < c->n_windows; i++) {
        const struct calendar_window *w = &c->windows[i];
        int64_t today = zone_at(w->rules, t / SECOND).day;
        for (int64_t day = today - 1; day <= today + DAYS_AHEAD; day++) {
            int64_t lo = zone_moment(w->rules, day, 0), hi = zone_moment(w->rules, day + 1, 0);
            if (best && lo * SECOND > best)
                break;
            keep_earliest(c, t, zone_moment(w->rules, day, w->from) * SECOND, &best);
            int before = zone_offset(w->rules, lo);
            if (zone_offset(w->rules, hi) == before)
                continue;
            while (hi - lo > 1) {
                int64_t mid = lo + (hi - lo) / 2;
                if (zone_offset(w->rules, mid) == before)
                    lo = mid;
                else
                    hi = mid;
            }
            keep_earliest(c, t, hi * SECOND, &best);
            // of hours that come twice the second beginning counts, too
            keep_earliest(c, t, (day * 86400 + w->from * 60 - zone_offset(w->rules, hi)) * SECOND,
                          &best);
        }
    }
    return best;
}

static const char *why_not(const struct calendar *c, int64_t t, struct arena *a)
{
    const struct calendar_freeze *f = frozen(c, t);
    if (f)
        return f->reason ? arena_printf(a, "frozen: %s", f->reason) : "frozen";
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < c->n_windows; i++)
        buf_addf(&b, "%s%s", i ? ", " : "", c->windows[i].text);
    const char *text = arena_printf(a, "outside of %s", buf_str(&b));
    buf_release(&b);
    return text;
}

bool calendar_allows(const struct calendar *c, int64_t t, struct arena *a, const char **ret_why,
                     int64_t *ret_next)
{
    if (allowed(c, t))
        return true;
    if (ret_why)
        *ret_why = why_not(c, t, a);
    if (ret_next)
        *ret_next = next_allowed(c, t);
    return false;
}
