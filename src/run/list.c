// --list-tasks and --list-tags: the tasks of a play as they stand, without running anything.
#include "run/internal.h"

#include <stdlib.h>
#include <string.h>

struct walk {
    struct run *r;
    struct play *p;
    void (*fn)(void *data, const struct play *p, const struct task *t, const char *name,
               const struct list *tags);
    void *data;
};

static int by_text(const void *x, const void *y)
{
    return strcmp(((const struct value *)x)->u.str.s, ((const struct value *)y)->u.str.s);
}

static void visit_list(struct walk *w, const struct node_list *l);

static void visit_task(struct walk *w, const struct task *t)
{
    if (!task_selected(w->r, NULL, &t->n))
        return;
    struct arena *a = arena_new();
    struct list *tags = value_list(a).u.list;
    node_tags(w->r, NULL, &t->n, a, tags);
    if (tags->len)
        qsort(tags->items, tags->len, sizeof *tags->items, by_text);
    w->fn(w->data, w->p, t, task_display_name(w->r, NULL, t, a), tags);
    arena_free(a);
}

static void visit_list(struct walk *w, const struct node_list *l)
{
    for (size_t i = 0; i < l->len; i++) {
        struct node *n = l->items[i];
        if (node_task(n)) {
            visit_task(w, node_task(n));
        } else if (node_include(n)) {
            visit_list(w, &node_include(n)->body);
        } else if (node_block(n)) {
            visit_list(w, &node_block(n)->body); // as Ansible, without rescue and always
        }
    }
}

int run_list_tasks(struct run *r, struct playbook *pb, struct play *p,
                   void (*fn)(void *data, const struct play *p, const struct task *t,
                              const char *name, const struct list *tags),
                   void *data, struct err *e)
{
    struct walk w = {.r = r, .p = p, .fn = fn, .data = data};
    (void)e;
    r->pb = pb;
    r->play = p;
    visit_list(&w, &p->pre_tasks);
    visit_list(&w, &p->tasks);
    visit_list(&w, &p->post_tasks);
    r->play = NULL;
    return 0;
}

void run_play_tags(struct run *r, struct play *p, struct arena *a, struct list *ret)
{
    node_tags(r, NULL, &p->n, a, ret);
}
