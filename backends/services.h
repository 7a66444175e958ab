/* SPDX-License-Identifier: MIT
 * The demo services.  What each of them answers is in sluice-demo(1). */
#ifndef GW_BACKENDS_SERVICES_H
#define GW_BACKENDS_SERVICES_H

#include "backends/request.h"

void gw_auth_handle(gw_demo_request_t *r);
void gw_calculator_handle(gw_demo_request_t *r);
void gw_clock_handle(gw_demo_request_t *r);
void gw_directory_handle(gw_demo_request_t *r);
void gw_echo_handle(gw_demo_request_t *r);
void gw_hello_handle(gw_demo_request_t *r);

/* the life of auth */
bool gw_auth_start(gw_demo_server_t *server, char *reterr, size_t size);
void gw_auth_stop(gw_demo_server_t *server);
void gw_auth_rotate(gw_demo_server_t *server);

/* parts of echo */
void gw_echo_bytes(gw_demo_request_t *r);
void gw_echo_drip(gw_demo_request_t *r);
void gw_echo_stream(gw_demo_request_t *r);
void gw_echo_websocket(gw_demo_request_t *r);
/** Says goodbye (1001) on every WebSocket of the server. */
void gw_echo_websockets_stop(gw_demo_server_t *server);

#endif
