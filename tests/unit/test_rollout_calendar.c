// Windows and freezes at times that are given, above all around changes of the clock; and the
// zones below them, beside the C library's.
#include "core/date.h"
#include "core/zone.h"
#include "rollout/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int64_t utc(const char *s)
{
    struct tm tm = {0};
    const char *end = strptime(s, "%Y-%m-%d %H:%M", &tm);
    if (!end || *end)
        fail_msg("'%s' is no time", s);
    return (int64_t)timegm(&tm) * 1000000;
}

static const char *text_of(int64_t t, char ret[32])
{
    time_t s = (time_t)(t / 1000000);
    struct tm tm;
    gmtime_r(&s, &tm);
    strftime(ret, 32, t ? "%Y-%m-%d %H:%M" : "never", &tm);
    return ret;
}

// windows (";" between), freeze ("from to to", NULL: none), a time in UTC, when it is allowed next
// (NULL: it is)
static const struct {
    const char *windows, *freeze, *now, *next;
} cases[] = {
    {"", NULL, "2026-11-21 03:00", NULL},
    {"mon-fri 08:00-17:00 UTC", NULL, "2026-11-20 08:00", NULL}, // a Friday
    {"mon-fri 08:00-17:00 UTC", NULL, "2026-11-20 16:59", NULL},
    {"mon-fri 08:00-17:00 UTC", NULL, "2026-11-20 17:00", "2026-11-23 08:00"},
    {"mon-fri 08:00-17:00 UTC", NULL, "2026-11-20 07:59", "2026-11-20 08:00"},
    {"sat,sun UTC", NULL, "2026-11-20 12:00", "2026-11-21 00:00"},
    {"fri-mon UTC", NULL, "2026-11-24 00:00", "2026-11-27 00:00"},
    {"22:00-06:00 UTC", NULL, "2026-11-20 23:00", NULL},
    {"22:00-06:00 UTC", NULL, "2026-11-20 05:59", NULL},
    {"22:00-06:00 UTC", NULL, "2026-11-20 06:00", "2026-11-20 22:00"},
    // over midnight the day is the one it begins on
    {"fri 22:00-06:00 UTC", NULL, "2026-11-21 05:00", NULL},
    {"fri 22:00-06:00 UTC", NULL, "2026-11-20 05:00", "2026-11-20 22:00"},
    {"sun 22:00-06:00 UTC", NULL, "2026-11-23 05:00", NULL}, // a Monday
    {"mon 8-12 UTC;wed 8-12 UTC", NULL, "2026-11-23 12:00", "2026-11-25 08:00"},
    // winter and summer in Berlin
    {"mon-fri 08:00-17:00 Europe/Berlin", NULL, "2026-11-20 07:00", NULL},
    {"mon-fri 08:00-17:00 Europe/Berlin", NULL, "2026-07-10 06:00", NULL},
    {"mon-fri 08:00-17:00 Europe/Berlin", NULL, "2026-07-10 15:00", "2026-07-13 06:00"},
    // the clock goes from 02:00 to 03:00 on 2026-03-29: Monday begins an hour earlier in UTC
    {"mon-fri 08:00-17:00 Europe/Berlin", NULL, "2026-03-27 17:00", "2026-03-30 06:00"},
    // hours that are left out: open from the change on
    {"sun 02:30-04:00 Europe/Berlin", NULL, "2026-03-29 00:59", "2026-03-29 01:00"},
    {"sun 02:30-04:00 Europe/Berlin", NULL, "2026-03-29 01:00", NULL},
    {"sun 02:00-03:00 Europe/Berlin", NULL, "2026-03-29 00:30", "2026-04-05 00:00"},
    // hours that come twice, on 2026-10-25: 02:30 is 00:30 and 01:30 UTC
    {"sun 02:30-02:45 Europe/Berlin", NULL, "2026-10-25 00:30", NULL},
    {"sun 02:30-02:45 Europe/Berlin", NULL, "2026-10-25 00:45", "2026-10-25 01:30"},
    {"sun 02:30-02:45 Europe/Berlin", NULL, "2026-10-25 01:30", NULL},
    {"sun 02:30-02:45 Europe/Berlin", NULL, "2026-10-25 01:45", "2026-11-01 01:30"},
    // zones with half hours, beyond midnight, and where summer is in winter
    {"09:00-10:00 Asia/Kolkata", NULL, "2026-11-20 03:30", NULL},
    {"mon 00:00-01:00 Pacific/Auckland", NULL, "2026-11-22 11:00", NULL},
    {"mon 00:00-01:00 Pacific/Auckland", NULL, "2026-06-21 11:00", "2026-06-21 12:00"},
    {"mon-fri 09:00-10:00 America/New_York", NULL, "2026-11-20 14:30", NULL},
    // far ahead: the rule behind the last change that the file lists
    {"mon-fri 08:00-09:00 Europe/Berlin", NULL, "2055-07-09 06:30", NULL},
    {"mon-fri 08:00-09:00 Europe/Berlin", NULL, "2055-12-10 06:30", "2055-12-10 07:00"},
    // freezes
    {"", "2026-12-20 to 2027-01-03", "2026-12-19 23:59", NULL},
    {"", "2026-12-20 to 2027-01-03", "2026-12-20 00:00", "2027-01-04 00:00"},
    {"mon-fri 08:00-17:00 UTC", "2026-12-20 to 2027-01-03", "2026-12-22 09:00", "2027-01-04 08:00"},
    {"mon-fri 08:00-17:00 UTC", "2026-11-20 10:00 to 2026-11-20 11:30", "2026-11-20 10:15",
     "2026-11-20 11:30"},
    {"mon-fri 08:00-17:00 UTC", "2026-11-20 10:00 to 2026-11-20 11:30", "2026-11-20 11:30", NULL},
    {"mon UTC", "2026-01-01 to 2029-01-01", "2026-11-20 10:15", "2029-01-08 00:00"},
    {"sun 02:30-02:31 UTC", "2026-01-01 to 2026-12-31", "2026-11-20 10:15", "2027-01-03 02:30"},
};

static size_t read_windows(struct arena *a, const char *text, struct calendar_window *w)
{
    size_t n = 0;
    while (*text) {
        size_t len = strcspn(text, ";");
        struct err e = ERR_INIT;
        if (calendar_window_parse(a, arena_strndup(a, text, len), NULL, &w[n++], &e) < 0)
            fail_msg("%s", err_msg(&e));
        text += len + (text[len] == ';');
    }
    return n;
}

static void test_cases(void **state)
{
    int bad = 0;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena *a = arena_new();
        struct calendar_window windows[4] = {0};
        struct calendar_freeze freeze = {0};
        struct calendar c = {.windows = windows, .freezes = &freeze};
        const char *why = NULL;
        char was[32];
        int64_t next = 0, now = utc(cases[i].now);
        c.n_windows = read_windows(a, cases[i].windows, windows);
        if (cases[i].freeze) {
            const char *mid = strstr(cases[i].freeze, " to ");
            const char *from = arena_strndup(a, cases[i].freeze, (size_t)(mid - cases[i].freeze));
            assert_int_equal(calendar_time_parse(a, from, "UTC", false, &freeze.from, NULL), 0);
            assert_int_equal(calendar_time_parse(a, mid + 4, "UTC", true, &freeze.to, NULL), 0);
            c.n_freezes = 1;
        }
        // a freeze of years is looked through from its end
        if (cases[i].next && utc(cases[i].next) - now > INT64_C(366) * 86400 * 1000000)
            now = freeze.to - 1;
        bool ok = calendar_allows(&c, now, a, &why, &next);
        const char *wanted = cases[i].next ? cases[i].next : "never";
        if (ok != !cases[i].next || strcmp(text_of(next, was), wanted) != 0) {
            print_error("'%s' at %s: %s, next %s, not %s\n", cases[i].windows, cases[i].now,
                        ok ? "allowed" : why, was, wanted);
            bad++;
        }
        arena_free(a);
    }
    assert_int_equal(bad, 0);
}

static void test_why(void **state)
{
    struct arena *a = arena_new();
    struct calendar_window w[2];
    struct calendar_freeze f = {.from = 0, .to = INT64_MAX, .reason = "Christmas"};
    struct calendar c = {.windows = w, .freezes = &f};
    const char *why = NULL;
    int64_t next = 1;
    (void)state;
    c.n_windows = read_windows(a, "mon 8-12 UTC;tue UTC", w);
    assert_false(calendar_allows(&c, utc("2026-11-20 10:00"), a, &why, &next));
    assert_string_equal(why, "outside of mon 8-12 UTC, tue UTC");
    c.n_freezes = 1;
    assert_false(calendar_allows(&c, utc("2026-11-24 10:00"), a, &why, &next));
    assert_string_equal(why, "frozen: Christmas");
    assert_int_equal(next, 0);
    arena_free(a);
}

// Every zone at many times: as the C library has it.
static void test_zones(void **state)
{
    static const char *const names[] = {"UTC",
                                        "Europe/Berlin",
                                        "Europe/London",
                                        "America/New_York",
                                        "America/Sao_Paulo",
                                        "Asia/Kolkata",
                                        "Asia/Tehran",
                                        "Australia/Lord_Howe",
                                        "Africa/Casablanca",
                                        "Pacific/Apia",
                                        "America/St_Johns",
                                        "Europe/Dublin",
                                        "Asia/Kathmandu",
                                        "Antarctica/Troll",
                                        "America/Nuuk"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct arena *a = arena_new();
        const struct zone *z;
        assert_int_equal(zone_load(a, names[i], &z, NULL), 0);
        setenv("TZ", names[i], 1);
        tzset();
        for (int64_t t = 0; t < INT64_C(4000000000); t += 40009) {
            time_t s = (time_t)t;
            struct tm tm;
            localtime_r(&s, &tm);
            struct zone_time w = zone_at(z, t);
            if (zone_offset(z, t) != tm.tm_gmtoff || w.minute != tm.tm_hour * 60 + tm.tm_min ||
                w.weekday != (tm.tm_wday + 6) % 7 ||
                w.day != date_to_days(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday))
                fail_msg("%s at %lld: %d, not %ld", names[i], (long long)t, zone_offset(z, t),
                         tm.tm_gmtoff);
        }
        arena_free(a);
    }
    unsetenv("TZ");
    tzset();
}

static void test_broken_zone(void **state)
{
    struct arena *a = arena_new();
    const struct zone *z;
    char data[60] = "TZif2";
    (void)state;
    for (size_t n = 0; n < sizeof data; n++)
        assert_int_equal(zone_read(a, data, n, &z, NULL), ERR_INVALID);
    memset(data + 5, 0xff, sizeof data - 5);
    assert_int_equal(zone_read(a, data, sizeof data, &z, NULL), ERR_INVALID);
    assert_int_equal(zone_load(a, "../../etc/passwd", &z, NULL), ERR_NOENT);
    assert_int_equal(zone_load(a, "Nowhere", &z, NULL), ERR_NOENT);
    arena_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_why),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_broken_zone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
