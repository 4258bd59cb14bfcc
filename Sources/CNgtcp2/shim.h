#include <errno.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>

// One Swift source for ngtcp2 0.12 (Debian 12) and 1.x (Debian 13). What is here is a function-like macro, which Swift
// does not import, or has another name or shape in the other version.
#define LAN_NGTCP2_1 (NGTCP2_VERSION_NUM >= 0x010000)

// GnuTLS stays with Crypto: its session comes as a pointer, and these two are declared without its headers.
struct gnutls_session_int;
int ngtcp2_crypto_gnutls_configure_client_session(struct gnutls_session_int *session);
int ngtcp2_crypto_gnutls_configure_server_session(struct gnutls_session_int *session);

static inline void lan_settings_default(ngtcp2_settings *settings) { ngtcp2_settings_default(settings); }

static inline void lan_transport_params_default(ngtcp2_transport_params *params) {
    ngtcp2_transport_params_default(params);
}

// The token of an accepted Retry; 1.x splits the vector and wants to know its kind.
static inline void lan_settings_token(ngtcp2_settings *settings, const uint8_t *token, size_t count) {
#if LAN_NGTCP2_1
    settings->token = token;
    settings->tokenlen = count;
    settings->token_type = NGTCP2_TOKEN_TYPE_RETRY;
#else
    settings->token.base = (uint8_t *)token;
    settings->token.len = count;
#endif
}

static inline const uint8_t *lan_header_token(const ngtcp2_pkt_hd *header, size_t *count) {
#if LAN_NGTCP2_1
    *count = header->tokenlen;
    return header->token;
#else
    *count = header->token.len;
    return header->token.base;
#endif
}

static inline void lan_params_original_dcid(ngtcp2_transport_params *params, const ngtcp2_cid *dcid) {
    params->original_dcid = *dcid;
#if LAN_NGTCP2_1
    params->original_dcid_present = 1;
#endif
}

// The callbacks that are the crypto library's own; set here since their level enum changed its name.
static inline void lan_crypto_callbacks(ngtcp2_callbacks *callbacks, int is_server) {
    if (is_server) {
        callbacks->recv_client_initial = ngtcp2_crypto_recv_client_initial_cb;
    } else {
        callbacks->client_initial = ngtcp2_crypto_client_initial_cb;
        callbacks->recv_retry = ngtcp2_crypto_recv_retry_cb;
    }
    callbacks->recv_crypto_data = ngtcp2_crypto_recv_crypto_data_cb;
    callbacks->encrypt = ngtcp2_crypto_encrypt_cb;
    callbacks->decrypt = ngtcp2_crypto_decrypt_cb;
    callbacks->hp_mask = ngtcp2_crypto_hp_mask_cb;
    callbacks->update_key = ngtcp2_crypto_update_key_cb;
    callbacks->delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb;
    callbacks->delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb;
    callbacks->get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb;
    callbacks->version_negotiation = ngtcp2_crypto_version_negotiation_cb;
}

static inline int lan_conn_client_new(
    ngtcp2_conn **conn, const ngtcp2_cid *dcid, const ngtcp2_cid *scid, const ngtcp2_path *path,
    const ngtcp2_callbacks *callbacks, const ngtcp2_settings *settings, const ngtcp2_transport_params *params,
    void *user_data) {
    return ngtcp2_conn_client_new(
        conn, dcid, scid, path, NGTCP2_PROTO_VER_V1, callbacks, settings, params, NULL, user_data);
}

static inline int lan_conn_server_new(
    ngtcp2_conn **conn, const ngtcp2_cid *dcid, const ngtcp2_cid *scid, const ngtcp2_path *path, uint32_t version,
    const ngtcp2_callbacks *callbacks, const ngtcp2_settings *settings, const ngtcp2_transport_params *params,
    void *user_data) {
    return ngtcp2_conn_server_new(
        conn, dcid, scid, path, version, callbacks, settings, params, NULL, user_data);
}

static inline int lan_conn_read_packet(
    ngtcp2_conn *conn, const ngtcp2_path *path, const uint8_t *packet, size_t count, ngtcp2_tstamp now) {
    return ngtcp2_conn_read_pkt(conn, path, NULL, packet, count, now);
}

static inline ngtcp2_ssize lan_conn_write_stream(
    ngtcp2_conn *conn, uint8_t *packet, size_t capacity, ngtcp2_ssize *taken, uint32_t flags, int64_t stream,
    const ngtcp2_vec *pieces, size_t piece_count, ngtcp2_tstamp now) {
    return ngtcp2_conn_writev_stream(
        conn, NULL, NULL, packet, capacity, taken, flags, stream, pieces, piece_count, now);
}

// 1.x has flags that nobody uses yet.
static inline int lan_conn_shutdown_stream_read(ngtcp2_conn *conn, int64_t stream, uint64_t code) {
#if LAN_NGTCP2_1
    return ngtcp2_conn_shutdown_stream_read(conn, 0, stream, code);
#else
    return ngtcp2_conn_shutdown_stream_read(conn, stream, code);
#endif
}

static inline int lan_conn_shutdown_stream_write(ngtcp2_conn *conn, int64_t stream, uint64_t code) {
#if LAN_NGTCP2_1
    return ngtcp2_conn_shutdown_stream_write(conn, 0, stream, code);
#else
    return ngtcp2_conn_shutdown_stream_write(conn, stream, code);
#endif
}

// CONNECTION_CLOSE with a code of ours.
static inline ngtcp2_ssize lan_conn_write_close(
    ngtcp2_conn *conn, uint8_t *packet, size_t capacity, uint64_t code, ngtcp2_tstamp now) {
#if LAN_NGTCP2_1
    ngtcp2_ccerr error;
    ngtcp2_ccerr_set_application_error(&error, code, NULL, 0);
#else
    ngtcp2_connection_close_error error;
    ngtcp2_connection_close_error_set_application_error(&error, code, NULL, 0);
#endif
    return ngtcp2_conn_write_connection_close(conn, NULL, NULL, packet, capacity, &error, now);
}

// CONNECTION_CLOSE for an error that ngtcp2 returned; a TLS failure is told by its alert.
static inline ngtcp2_ssize lan_conn_write_close_for_error(
    ngtcp2_conn *conn, uint8_t *packet, size_t capacity, int liberr, ngtcp2_tstamp now) {
#if LAN_NGTCP2_1
    ngtcp2_ccerr error;
    if (liberr == NGTCP2_ERR_CRYPTO) {
        ngtcp2_ccerr_set_tls_alert(&error, ngtcp2_conn_get_tls_alert(conn), NULL, 0);
    } else {
        ngtcp2_ccerr_set_liberr(&error, liberr, NULL, 0);
    }
#else
    ngtcp2_connection_close_error error;
    if (liberr == NGTCP2_ERR_CRYPTO) {
        ngtcp2_connection_close_error_set_transport_error_tls_alert(
            &error, ngtcp2_conn_get_tls_alert(conn), NULL, 0);
    } else {
        ngtcp2_connection_close_error_set_transport_error_liberr(&error, liberr, NULL, 0);
    }
#endif
    return ngtcp2_conn_write_connection_close(conn, NULL, NULL, packet, capacity, &error, now);
}

// The code of the CONNECTION_CLOSE that came; answers whether it was the application's.
static inline int lan_conn_peer_close(ngtcp2_conn *conn, uint64_t *code) {
#if LAN_NGTCP2_1
    const ngtcp2_ccerr *error = ngtcp2_conn_get_ccerr(conn);
    *code = error->error_code;
    return error->type == NGTCP2_CCERR_TYPE_APPLICATION;
#else
    ngtcp2_connection_close_error error;
    ngtcp2_conn_get_connection_close_error(conn, &error);
    *code = error.error_code;
    return error.type == NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION;
#endif
}

static inline void lan_conn_path_state(
    ngtcp2_conn *conn, uint64_t *window, uint64_t *in_flight, uint64_t *smoothed_rtt) {
#if LAN_NGTCP2_1
    ngtcp2_conn_info state;
    ngtcp2_conn_get_conn_info(conn, &state);
#else
    ngtcp2_conn_stat state;
    ngtcp2_conn_get_conn_stat(conn, &state);
#endif
    *window = state.cwnd;
    *in_flight = state.bytes_in_flight;
    *smoothed_rtt = state.smoothed_rtt;
}
