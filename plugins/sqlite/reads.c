/* Whether a request only reads: then it need not wait for the one that writes. */
#include "internal.h"

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* Behind space and comments. */
static const char *skip_blank(const char *p, const char *end)
{
    while (p < end) {
        if (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r' || *p == '\f') {
            p++;
        } else if (end - p >= 2 && p[0] == '-' && p[1] == '-') {
            while (p < end && *p != '\n')
                p++;
        } else if (end - p >= 2 && p[0] == '/' && p[1] == '*') {
            for (p += 2; p < end && !(end - p >= 2 && p[0] == '*' && p[1] == '/'); p++)
                ;
            p = end - p >= 2 ? p + 2 : end;
        } else {
            break;
        }
    }
    return p;
}

static bool is_word(const char *p, size_t n, const char *word)
{
    return strlen(word) == n && sqlite3_strnicmp(p, word, (int)n) == 0;
}

static bool is_one_of(const char *p, size_t n, const char *const *words)
{
    for (; *words; words++)
        if (is_word(p, n, *words))
            return true;
    return false;
}

/* Whether the text can only read. One that begins with WITH or EXPLAIN could hold a statement that writes,
 * so it must have no such word in it, be it only in a string. */
static bool reads(const char *sql, size_t n)
{
    static const char *const plain[] = { "SELECT", "VALUES", NULL };
    static const char *const hiding[] = { "WITH", "EXPLAIN", NULL };
    static const char *const writing[] = { "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE",
                                           "DROP",   "ALTER",  "PRAGMA", NULL };
    const char *end = sql + n, *p = skip_blank(sql, end), *word = p;
    while (p < end && is_letter(*p))
        p++;
    if (is_one_of(word, (size_t)(p - word), plain))
        return true;
    if (!is_one_of(word, (size_t)(p - word), hiding))
        return false;
    while (p < end) {
        for (word = p; p < end && is_letter(*p); p++)
            ;
        if (is_one_of(word, (size_t)(p - word), writing))
            return false;
        p += p < end;
    }
    return true;
}

bool sql_request_reads(const void *request, size_t n)
{
    struct lectern_reader r = lectern_read(request, n);
    struct lectern_request q = lectern_read_request(&r);
    if (q.kind != LECTERN_DB_BATCH || q.statements == 0 || q.flags & LECTERN_DB_ORDERED)
        return false;
    for (unsigned i = 0; i < q.statements && !r.bad; i++) {
        uint32_t size;
        const char *sql = lectern_read_bytes(&r, 4, &size);
        if (!reads(sql, size))
            return false;
        unsigned parameters = (unsigned)lectern_read_number(&r, 2);
        for (unsigned k = 0; k < parameters && !r.bad; k++)
            lectern_read_value(&r);
    }
    return !r.bad;
}
