// HTTP requests of gates, through libcurl. Redirects are answers like others; of a body its start
// is kept.
#include "rollout/gate_ask.h"

#include <string.h>

static size_t take_body(char *s, size_t size, size_t n, void *data)
{
    struct request *r = data;
    size_t len = size * n, room = r->max - r->body.len;
    r->cut = len > room;
    buf_add(&r->body, s, r->cut ? room : len);
    return r->cut ? 0 : len; // anything but len ends it
}

static void set_method(struct request *r)
{
    const char *method = r->method;
    if (r->post)
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, r->post);
    if (method && strcmp(method, "HEAD") == 0)
        curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
    else if (method && strcmp(method, "POST") == 0 && !r->post)
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, "");
    else if (method)
        curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, method);
}

int gate_request_start(struct item *i, CURLM *multi, int64_t now, struct err *e)
{
    struct request *r = i->request;
    int64_t left = i->q->deadline - now;
    if (!(r->easy = curl_easy_init()))
        return err_set(e, ERR_FAILED, POS_NONE, "libcurl cannot be used");
    for (const char *const *h = r->headers; h && *h; h++)
        r->list = curl_slist_append(r->list, *h);
    curl_easy_setopt(r->easy, CURLOPT_PRIVATE, i);
    curl_easy_setopt(r->easy, CURLOPT_ERRORBUFFER, r->errbuf);
    curl_easy_setopt(r->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(r->easy, CURLOPT_URL, r->url);
    curl_easy_setopt(r->easy, CURLOPT_USERAGENT, "andon/" ANDON_VERSION);
    curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->list);
    curl_easy_setopt(r->easy, CURLOPT_TIMEOUT_MS, (long)(left > 0 ? left : 1));
    curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYPEER, (long)r->tls_verify);
    curl_easy_setopt(r->easy, CURLOPT_SSL_VERIFYHOST, r->tls_verify ? 2L : 0L);
    curl_easy_setopt(r->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(r->easy, CURLOPT_WRITEDATA, r);
    set_method(r);
    if (curl_multi_add_handle(multi, r->easy) != CURLM_OK)
        return err_set(e, ERR_FAILED, POS_NONE, "the request cannot be made");
    return 0;
}

static const char *connect_error(struct item *i)
{
    long why = 0;
    curl_easy_getinfo(i->request->easy, CURLINFO_OS_ERRNO, &why);
    return arena_printf(i->q->a, "cannot connect%s%s", why ? ": " : "",
                        why ? strerror((int)why) : "");
}

static const char *why_late(struct item *i)
{
    double limit = (double)(i->q->deadline - i->q->began) / 1000;
    if (i->request->status)
        return arena_printf(i->q->a,
                            "status %ld, but no end of the answer within %.3g s (%zu bytes)",
                            i->request->status, limit, i->request->body.len);
    return arena_printf(i->q->a, "no answer within %.3g s", limit);
}

void gate_request_ended(struct item *i, CURLcode code)
{
    struct request *r = i->request;
    curl_off_t microseconds = 0;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &r->status);
    curl_easy_getinfo(r->easy, CURLINFO_TOTAL_TIME_T, &microseconds);
    i->seconds = (double)microseconds / 1e6;
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && r->cut))
        return;
    i->late = code == CURLE_OPERATION_TIMEDOUT;
    if (i->late)
        i->error = why_late(i);
    else if (code == CURLE_COULDNT_CONNECT)
        i->error = connect_error(i);
    else
        i->error =
            ask_line(i->q->a, *r->errbuf ? r->errbuf : curl_easy_strerror(code), SIZE_MAX, 200);
}

void gate_request_release(struct request *r, CURLM *multi)
{
    if (!r->easy)
        return;
    curl_multi_remove_handle(multi, r->easy);
    curl_easy_cleanup(r->easy);
    curl_slist_free_all(r->list);
    r->easy = NULL;
    r->list = NULL;
}
