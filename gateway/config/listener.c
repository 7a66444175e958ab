/* SPDX-License-Identifier: MIT
 * The section `listen`: addresses and TLS. */
#include <arpa/inet.h>
#include "gateway/config/conf.h"
#include "gateway/config/text.h"
#include "gateway/server/tls.h"

static const char address_forms[] = "0.0.0.0:8080, [::]:8080, :8080 for both, or unix:/path";

bool gw_conf_parse_port(gw_str_t s, unsigned min, uint16_t *ret_port)
{
    uint64_t port;

    if (s.len > 5 || !gw_conf_parse_uint(s, &port) || port < min || port > 65535)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

static bool parse_unix(gw_conf_reader_t *reader, const gw_node_t *node, gw_str_t path, gw_listener_conf_t *listener)
{
    if (path.len == 0 || path.ptr[0] != '/') {
        gw_conf_refuse(reader, "address", node, address_forms, "the path of a Unix socket begins with '/'");
        return false;
    }
    if (path.len >= sizeof(listener->sockaddr.un.sun_path)) {
        gw_conf_refuse(
            reader, "address", node, "the path of a Unix socket is too long",
            gw_arena_printf(reader->scratch, "at most %zu bytes", sizeof(listener->sockaddr.un.sun_path) - 1));
        return false;
    }
    listener->sockaddr.un.sun_family = AF_UNIX;
    memcpy(listener->sockaddr.un.sun_path, path.ptr, path.len);
    listener->sockaddr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return true;
}

/* @param host without brackets, NUL-terminated; "" for all addresses */
static bool parse_ip(const char *host, bool has_brackets, uint16_t port, gw_listener_conf_t *listener)
{
    if (!has_brackets && *host != '\0') {
        listener->sockaddr.in.sin_family = AF_INET;
        listener->sockaddr.in.sin_port = htons(port);
        listener->sockaddr_len = sizeof(listener->sockaddr.in);
        return inet_pton(AF_INET, host, &listener->sockaddr.in.sin_addr) == 1;
    }
    listener->is_dual_stack = !has_brackets;
    listener->sockaddr.in6.sin6_family = AF_INET6;
    listener->sockaddr.in6.sin6_port = htons(port);
    listener->sockaddr_len = sizeof(listener->sockaddr.in6);
    return inet_pton(AF_INET6, has_brackets ? host : "::", &listener->sockaddr.in6.sin6_addr) == 1;
}

static const char *address_hint(gw_conf_reader_t *reader, gw_str_t text)
{
    uint16_t port;

    if (gw_conf_parse_port(text, 0, &port))
        return gw_arena_printf(reader->scratch, "did you mean ':%u'?", port);
    if (gw_str_starts_with(text, GW_STR("*:")))
        return gw_arena_printf(reader->scratch, "did you mean '%s'?",
                               gw_text_shown(reader->scratch, gw_str(text.ptr + 1, text.len - 1)));
    if (gw_str_starts_with(text, GW_STR("localhost:")))
        return "names are not looked up here: write 127.0.0.1 or [::1]";
    return NULL;
}

static void read_address(gw_conf_reader_t *reader, const gw_node_t *node, void *target)
{
    gw_listener_conf_t *listener = (gw_listener_conf_t *)((char *)target - offsetof(gw_listener_conf_t, address));
    const char *address = gw_conf_read_text(reader, "address", node, "an address");
    uint16_t port;
    bool is_ok = false;

    if (address == NULL)
        return;
    gw_str_t text = gw_str_of(address);
    const char *colon = strrchr(address, ':');
    if (gw_str_starts_with(text, GW_STR("unix:"))) {
        if (parse_unix(reader, node, gw_str(address + 5, text.len - 5), listener))
            listener->address = address;
        return;
    }
    if (colon != NULL && gw_conf_parse_port(gw_str_of(colon + 1), 0, &port)) {
        bool has_brackets = *address == '[' && colon[-1] == ']';
        gw_str_t host = has_brackets ? gw_str(address + 1, (size_t)(colon - address) - 2)
                                     : gw_str(address, (size_t)(colon - address));
        is_ok = parse_ip(gw_arena_strdup(reader->scratch, host), has_brackets, port, listener);
    }
    if (is_ok)
        listener->address = address;
    else
        gw_conf_refuse(reader, "address", node, address_forms, address_hint(reader, text));
}

static gw_node_t *show_address(gw_arena_t *arena, const void *target)
{
    return gw_node_new_text(arena, *(const char *const *)target);
}

struct tls_problems {
    gw_conf_reader_t *reader;
    const gw_listener_conf_t *listener;
};

static void report_tls_problem(void *arg, bool is_error, size_t index, bool is_key, const char *text)
{
    const struct tls_problems *problems = arg;
    const gw_conf_list_t *list = &problems->listener->tls_conf.certificates;
    const gw_certificate_conf_t *certificate = list->entries;
    gw_mark_t at = index < list->size ? certificate[index].at : problems->listener->at;

    if (is_error)
        gw_diag_error(problems->reader->diag, at, NULL, "%s", text);
    else
        gw_diag_warning(problems->reader->diag, at, NULL, "%s", text);
}

struct client_problems {
    gw_conf_reader_t *reader;
    gw_mark_t at;
};

static void report_client_problem(void *arg, bool is_error, const char *text)
{
    const struct client_problems *problems = arg;

    if (is_error)
        gw_diag_error(problems->reader->diag, problems->at, NULL, "%s", text);
    else
        gw_diag_warning(problems->reader->diag, problems->at, NULL, "%s", text);
}

/* @return whether it could be loaded; *ret_auth is NULL where clients are not asked for certificates */
static bool load_client_auth(gw_conf_reader_t *reader, const gw_client_auth_conf_t *conf,
                             gw_tls_client_auth_t **ret_auth)
{
    struct client_problems problems = {reader, conf->at};
    gw_tls_client_conf_t files = {.ca = conf->ca,
                                  .crl = conf->crl,
                                  .is_optional = conf->mode == GW_CLIENT_AUTH_OPTIONAL,
                                  .depth = (unsigned)conf->depth};

    *ret_auth = NULL;
    if (conf->at.line == 0)
        return true;
    *ret_auth = gw_tls_client_auth_load(&files, report_client_problem, &problems);
    return *ret_auth != NULL;
}

static void free_tls(void *tls)
{
    gw_tls_free(tls);
}

/* makes the TLS context: reads the certificates, so that `sluice check` finds what a start would find */
static void check_listener(struct gw_conf_reader *reader, void *value, gw_mark_t at)
{
    gw_listener_conf_t *listener = value;
    const gw_conf_list_t *list = &listener->tls_conf.certificates;
    struct tls_problems problems = {reader, listener};

    listener->has_tls = listener->tls_conf.at.line != 0;
    if (!listener->has_tls)
        return;
    gw_tls_certificate_t *certificates = gw_arena_alloc(reader->scratch, list->size * sizeof(*certificates));
    for (size_t i = 0; i != list->size; ++i) {
        const gw_certificate_conf_t *entry = (const gw_certificate_conf_t *)list->entries + i;
        certificates[i] = (gw_tls_certificate_t){.certificate = entry->certificate, .key = entry->key};
    }
    size_t before = gw_diag_num_errors(reader->diag);
    gw_tls_client_auth_t *client_auth;
    bool is_loaded = load_client_auth(reader, &listener->tls_conf.client_auth, &client_auth);
    listener->tls = gw_tls_create(certificates, list->size, listener->tls_conf.min_version, listener->tls_conf.http2,
                                  client_auth, report_tls_problem, &problems);
    gw_tls_client_auth_free(client_auth);
    if (!is_loaded)
        listener->tls = gw_tls_free(listener->tls);
    if (listener->tls != NULL)
        gw_arena_on_free(reader->arena, free_tls, listener->tls);
    else if (before == gw_diag_num_errors(reader->diag))
        gw_diag_error(reader->diag, at, NULL, "TLS cannot be set up");
}

static const gw_field_t certificate_fields[] = {
    {.key = "certificate",
     .type = GW_PATH,
     .offset = offsetof(gw_certificate_conf_t, certificate),
     .is_required = true,
     .meaning = "PEM file with the certificate, followed by its intermediate certificates"},
    {.key = "key",
     .type = GW_PATH,
     .offset = offsetof(gw_certificate_conf_t, key),
     .is_required = true,
     .meaning = "PEM file with the private key; only the gateway's user should be able to read it"},
    {.key = NULL},
};

static const gw_section_t certificate_section = {
    .name = "certificate",
    .fields = certificate_fields,
    .size = sizeof(gw_certificate_conf_t),
    .mark_offset = offsetof(gw_certificate_conf_t, at),
};

static const char *const client_auth_modes[] = {
    [GW_CLIENT_AUTH_REQUIRED] = "required", [GW_CLIENT_AUTH_OPTIONAL] = "optional", NULL};

static const gw_field_t client_auth_fields[] = {
    {.key = "ca",
     .type = GW_PATH,
     .offset = offsetof(gw_client_auth_conf_t, ca),
     .is_required = true,
     .meaning = "PEM file with the certificates of the CAs that are trusted to name clients; no others are"},
    {.key = "crl",
     .type = GW_PATH,
     .offset = offsetof(gw_client_auth_conf_t, crl),
     .meaning = "PEM file with the CRLs of these CAs; a certificate whose CA has no current one is refused"},
    {.key = "mode",
     .type = GW_ENUM,
     .offset = offsetof(gw_client_auth_conf_t, mode),
     .words = client_auth_modes,
     .def = "required",
     .meaning = "whether clients may come without a certificate; a bad one is always refused"},
    {.key = "depth",
     .type = GW_UINT,
     .offset = offsetof(gw_client_auth_conf_t, depth),
     .min = 0,
     .max = 10,
     .def = "3",
     .unit = "certificates",
     .meaning = "intermediate certificates that may stand between the client's and a trusted one"},
    {.key = NULL},
};

static const gw_section_t client_auth_section = {
    .name = "client_auth",
    .fields = client_auth_fields,
    .size = sizeof(gw_client_auth_conf_t),
    .mark_offset = offsetof(gw_client_auth_conf_t, at),
};

static const char *const tls_versions[] = {[GW_TLS_1_2] = "1.2", [GW_TLS_1_3] = "1.3", NULL};

#define IN_TLS(member) (offsetof(gw_listener_conf_t, tls_conf.member) - offsetof(gw_listener_conf_t, tls_conf))

static const gw_field_t tls_fields[] = {
    {.key = "certificates",
     .type = GW_LIST,
     .offset = IN_TLS(certificates),
     .min = 1,
     .max = 1000,
     .section = &certificate_section,
     .is_required = true,
     .meaning =
         "certificates to choose from by the name that the client asks for (SNI); the first one answers unknown names"},
    {.key = "min_version",
     .type = GW_ENUM,
     .offset = IN_TLS(min_version),
     .words = tls_versions,
     .def = "1.2",
     .meaning = "oldest version of TLS that is accepted"},
    {.key = "http2", .type = GW_BOOL, .offset = IN_TLS(http2), .def = "true", .meaning = "offer HTTP/2 (ALPN h2)"},
    {.key = "client_auth",
     .type = GW_SECTION,
     .offset = IN_TLS(client_auth),
     .section = &client_auth_section,
     .meaning = "ask clients for certificates"},
    {.key = NULL},
};

static const gw_section_t tls_section = {
    .name = "tls",
    .fields = tls_fields,
    .size = sizeof(((gw_listener_conf_t *)NULL)->tls_conf),
    .mark_offset = IN_TLS(at),
};

static const gw_field_t listener_fields[] = {
    {.key = "address",
     .type = GW_CUSTOM,
     .offset = offsetof(gw_listener_conf_t, address),
     .read = read_address,
     .show = show_address,
     .takes = "IPV4:PORT, [IPV6]:PORT, :PORT or unix:PATH",
     .is_required = true,
     .meaning = "where connections are accepted; :PORT is every IPv6 and IPv4 address, port 0 lets the kernel choose"},
    {.key = "tls",
     .type = GW_SECTION,
     .offset = offsetof(gw_listener_conf_t, tls_conf),
     .section = &tls_section,
     .meaning = "speak TLS on this address; plain HTTP/1.1 when absent"},
    {.key = NULL},
};

const gw_section_t gw_listener_section = {
    .name = "listener",
    .fields = listener_fields,
    .size = sizeof(gw_listener_conf_t),
    .mark_offset = offsetof(gw_listener_conf_t, at),
    .scalar_key = "address",
    .check = check_listener,
};

static uint16_t port_of(const gw_listener_conf_t *listener)
{
    return ntohs(listener->sockaddr.any.sa_family == AF_INET ? listener->sockaddr.in.sin_port
                                                             : listener->sockaddr.in6.sin6_port);
}

/* the kernel would let a second socket share the address (SO_REUSEPORT), and each would get some of the connections */
static bool is_same_address(const gw_listener_conf_t *a, const gw_listener_conf_t *b)
{
    sa_family_t family = a->sockaddr.any.sa_family;

    if (family == AF_UNIX || b->sockaddr.any.sa_family == AF_UNIX)
        return family == b->sockaddr.any.sa_family && strcmp(a->sockaddr.un.sun_path, b->sockaddr.un.sun_path) == 0;
    if (port_of(a) != port_of(b) || port_of(a) == 0)
        return false;
    if (family != b->sockaddr.any.sa_family) {
        const gw_listener_conf_t *in = family == AF_INET ? a : b, *in6 = family == AF_INET ? b : a;
        return in6->is_dual_stack && in->sockaddr.in.sin_addr.s_addr == htonl(INADDR_ANY);
    }
    if (family == AF_INET)
        return a->sockaddr.in.sin_addr.s_addr == b->sockaddr.in.sin_addr.s_addr;
    return memcmp(&a->sockaddr.in6.sin6_addr, &b->sockaddr.in6.sin6_addr, sizeof(struct in6_addr)) == 0;
}

void gw_conf_check_listeners(gw_conf_reader_t *reader, gw_conf_root_t *root)
{
    const gw_listener_conf_t *listeners = root->listen.entries;

    for (size_t i = 0; i != root->listen.size; ++i)
        for (size_t k = 0; k != i && listeners[i].address != NULL; ++k)
            if (listeners[k].address != NULL && is_same_address(listeners + i, listeners + k)) {
                gw_diag_error(reader->diag, listeners[i].at, NULL, "address '%s' is already taken by '%s' at %s:%u:%u",
                              listeners[i].address, listeners[k].address, listeners[k].at.file, listeners[k].at.line,
                              listeners[k].at.col);
                break;
            }
}
