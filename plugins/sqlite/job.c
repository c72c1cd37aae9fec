/* Requests that wait, in lists. */
#include <stdlib.h>

#include "internal.h"

void sql_list_add(struct sql_list *list, struct sql_job *job)
{
    job->next = NULL;
    if (list->first)
        list->last->next = job;
    else
        list->first = job;
    list->last = job;
    list->count++;
}

struct sql_job *sql_list_shift(struct sql_list *list)
{
    struct sql_job *job = list->first;
    if (job) {
        list->first = job->next;
        list->count--;
        job->next = NULL;
    }
    return job;
}

struct sql_job *sql_list_take(struct sql_list *list, uint64_t id)
{
    struct sql_job **at = &list->first, *before = NULL;
    while (*at && (*at)->id != id) {
        before = *at;
        at = &(*at)->next;
    }
    struct sql_job *job = *at;
    if (job) {
        *at = job->next;
        if (list->last == job)
            list->last = before;
        list->count--;
        job->next = NULL;
    }
    return job;
}

bool sql_list_has(const struct sql_list *list, uint64_t id)
{
    const struct sql_job *job = list->first;
    while (job && job->id != id)
        job = job->next;
    return job != NULL;
}

void sql_job_free(struct sql_job *job)
{
    free(job->request);
    free(job->answer.p);
    free(job);
}

void sql_list_free(struct sql_list *list)
{
    struct sql_job *job;
    while ((job = sql_list_shift(list)) != NULL)
        sql_job_free(job);
}
