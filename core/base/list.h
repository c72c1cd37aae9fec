/* Intrusive doubly linked ring. A head that points to itself is empty; a node that is on no list
 * points to itself too (lec_list_init), so removing twice does no harm. */
#ifndef LEC_BASE_LIST_H
#define LEC_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct lec_list {
    struct lec_list *prev, *next;
};

#define LEC_CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

static inline void lec_list_init(struct lec_list *l)
{
    l->prev = l->next = l;
}

static inline bool lec_list_empty(const struct lec_list *l)
{
    return l->next == l;
}

static inline void lec_list_append(struct lec_list *head, struct lec_list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void lec_list_remove(struct lec_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    lec_list_init(node);
}

/* Takes the first node off, NULL if there is none. */
static inline struct lec_list *lec_list_shift(struct lec_list *head)
{
    struct lec_list *node = head->next;
    if (node == head)
        return NULL;
    lec_list_remove(node);
    return node;
}

#endif
