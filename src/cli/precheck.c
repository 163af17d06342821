// Before a run: which parameters its tasks have, as `andon check` sees them.
#include "cli/precheck.h"

#include "check/check.h"
#include "playbook/keywords.h"

struct precheck {
    struct arena *a;
    struct err *e;
    int rc;
};

static void told(void *data, enum check_id id, struct pos pos, const char *msg)
{
    struct precheck *p = data;
    if (p->rc == 0 && id != CHECK_NEW_PARAMETER) // the helper says so where it matters
        p->rc = err_set(p->e, ERR_INVALID, pos, "%s", msg);
}

// The types of keywords; Ansible finds out when the task runs.
static void check_task_keywords(struct precheck *p, const struct task *t)
{
    struct dict_entry *it;
    DICT_EACH(t->n.attrs, it)
    {
        const struct keyword *k =
            it->key.type == VALUE_STRING ? keyword_find(it->key.u.str.s) : NULL;
        if (k && p->rc == 0)
            p->rc = keyword_check(k, &it->key, &it->val, p->e);
    }
}

static void check_list(struct precheck *p, const struct node_list *l)
{
    for (size_t i = 0; i < l->len && p->rc == 0; i++) {
        struct node *n = l->items[i];
        if (node_task(n)) {
            check_task_keywords(p, node_task(n));
            check_parameter_names(node_task(n), p->a, told, p);
        } else if (node_include(n)) {
            check_list(p, &node_include(n)->body);
        } else if (node_block(n)) {
            struct block *b = node_block(n);
            check_list(p, &b->body);
            check_list(p, &b->rescue);
            check_list(p, &b->always);
        }
    }
}

int precheck(const struct playbook *pb, struct err *e)
{
    struct precheck p = {.a = arena_new(), .e = e};
    for (size_t i = 0; i < pb->n_plays; i++) {
        const struct play *play = pb->plays[i];
        const struct node_list *lists[] = {&play->pre_tasks, &play->tasks, &play->post_tasks,
                                           &play->handlers};
        for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
            check_list(&p, lists[k]);
    }
    arena_free(p.a);
    return p.rc;
}
