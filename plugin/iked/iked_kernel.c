/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iked_kernel.h"

#include <daemon.h>

host_t *iked_local_host(void)
{
	char *address = lib->settings->get_str(lib->settings, "%s.iked.address", "127.0.0.1", lib->ns);
	int port = lib->settings->get_int(lib->settings, "%s.iked.port", 4500, lib->ns);

	return host_create_from_string(address, (uint16_t)port);
}

/* ---- IPsec SAs: there are none. Every request of a peer for a CHILD_SA fails here at the latest. ---- */

METHOD(kernel_ipsec_t, ipsec_get_features, kernel_feature_t, kernel_ipsec_t *this)
{
	(void)this;
	return 0;
}

METHOD(kernel_ipsec_t, get_spi, status_t, kernel_ipsec_t *this, host_t *src, host_t *dst, uint8_t protocol, uint32_t *spi)
{
	(void)this, (void)src, (void)dst, (void)protocol, (void)spi;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, get_cpi, status_t, kernel_ipsec_t *this, host_t *src, host_t *dst, uint16_t *cpi)
{
	(void)this, (void)src, (void)dst, (void)cpi;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, add_sa, status_t, kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	(void)this, (void)id, (void)data;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, update_sa, status_t, kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	(void)this, (void)id, (void)data;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, query_sa, status_t, kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_query_sa_t *data, uint64_t *bytes, uint64_t *packets, time_t *time)
{
	(void)this, (void)id, (void)data, (void)bytes, (void)packets, (void)time;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, del_sa, status_t, kernel_ipsec_t *this, kernel_ipsec_sa_id_t *id, kernel_ipsec_del_sa_t *data)
{
	(void)this, (void)id, (void)data;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, flush_sas, status_t, kernel_ipsec_t *this)
{
	(void)this;
	return SUCCESS;
}

METHOD(kernel_ipsec_t, add_policy, status_t, kernel_ipsec_t *this, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_manage_policy_t *data)
{
	(void)this, (void)id, (void)data;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, query_policy, status_t, kernel_ipsec_t *this, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_query_policy_t *data, time_t *use_time)
{
	(void)this, (void)id, (void)data, (void)use_time;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, del_policy, status_t, kernel_ipsec_t *this, kernel_ipsec_policy_id_t *id,
	kernel_ipsec_manage_policy_t *data)
{
	(void)this, (void)id, (void)data;
	return NOT_SUPPORTED;
}

METHOD(kernel_ipsec_t, flush_policies, status_t, kernel_ipsec_t *this)
{
	(void)this;
	return SUCCESS;
}

METHOD(kernel_ipsec_t, bypass_socket, bool, kernel_ipsec_t *this, int fd, int family)
{
	(void)this, (void)fd, (void)family;
	return TRUE;
}

METHOD(kernel_ipsec_t, enable_udp_decap, bool, kernel_ipsec_t *this, int fd, int family, uint16_t port)
{
	(void)this, (void)fd, (void)family, (void)port;
	return TRUE;
}

METHOD(kernel_ipsec_t, ipsec_destroy, void, kernel_ipsec_t *this)
{
	free(this);
}

kernel_ipsec_t *iked_ipsec_create(void)
{
	kernel_ipsec_t *this;

	INIT(this,
		.get_features = _ipsec_get_features,
		.get_spi = _get_spi,
		.get_cpi = _get_cpi,
		.add_sa = _add_sa,
		.update_sa = _update_sa,
		.query_sa = _query_sa,
		.del_sa = _del_sa,
		.flush_sas = _flush_sas,
		.add_policy = _add_policy,
		.query_policy = _query_policy,
		.del_policy = _del_policy,
		.flush_policies = _flush_policies,
		.bypass_socket = _bypass_socket,
		.enable_udp_decap = _enable_udp_decap,
		.destroy = _ipsec_destroy,
	);
	return this;
}

/* ---- addresses: the one that is configured ---- */

METHOD(kernel_net_t, net_get_features, kernel_feature_t, kernel_net_t *this)
{
	(void)this;
	return 0;
}

METHOD(kernel_net_t, get_source_addr, host_t *, kernel_net_t *this, host_t *dest, host_t *src)
{
	host_t *local = iked_local_host();

	(void)this, (void)src;
	if (local && local->get_family(local) == dest->get_family(dest))
		return local;
	DESTROY_IF(local);
	return NULL;
}

METHOD(kernel_net_t, get_nexthop, host_t *, kernel_net_t *this, host_t *dest, int prefix, host_t *src, char **iface)
{
	(void)this, (void)dest, (void)prefix, (void)src;
	if (iface)
		*iface = NULL;
	return NULL;
}

METHOD(kernel_net_t, get_interface, bool, kernel_net_t *this, host_t *host, char **name)
{
	host_t *local = iked_local_host();
	bool ours = local && local->ip_equals(local, host);

	(void)this;
	DESTROY_IF(local);
	if (ours && name)
		*name = strdup("local");
	return ours;
}

static void destroy_host(void *host)
{
	((host_t *)host)->destroy(host);
}

METHOD(kernel_net_t, create_address_enumerator, enumerator_t *, kernel_net_t *this, kernel_address_type_t which)
{
	host_t *local = iked_local_host();

	(void)this, (void)which;
	return local ? enumerator_create_single(local, destroy_host) : enumerator_create_empty();
}

METHOD(kernel_net_t, create_local_subnet_enumerator, enumerator_t *, kernel_net_t *this)
{
	(void)this;
	return enumerator_create_empty();
}

METHOD(kernel_net_t, add_ip, status_t, kernel_net_t *this, host_t *virtual_ip, int prefix, char *iface)
{
	(void)this, (void)virtual_ip, (void)prefix, (void)iface;
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, del_ip, status_t, kernel_net_t *this, host_t *virtual_ip, int prefix, bool wait)
{
	(void)this, (void)virtual_ip, (void)prefix, (void)wait;
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, add_route, status_t, kernel_net_t *this, chunk_t dst_net, uint8_t prefixlen, host_t *gateway,
	host_t *src_ip, char *if_name, bool pass)
{
	(void)this, (void)dst_net, (void)prefixlen, (void)gateway, (void)src_ip, (void)if_name, (void)pass;
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, del_route, status_t, kernel_net_t *this, chunk_t dst_net, uint8_t prefixlen, host_t *gateway,
	host_t *src_ip, char *if_name, bool pass)
{
	(void)this, (void)dst_net, (void)prefixlen, (void)gateway, (void)src_ip, (void)if_name, (void)pass;
	return NOT_SUPPORTED;
}

METHOD(kernel_net_t, net_destroy, void, kernel_net_t *this)
{
	free(this);
}

kernel_net_t *iked_net_create(void)
{
	kernel_net_t *this;

	INIT(this,
		.get_features = _net_get_features,
		.get_source_addr = _get_source_addr,
		.get_nexthop = _get_nexthop,
		.get_interface = _get_interface,
		.create_address_enumerator = _create_address_enumerator,
		.create_local_subnet_enumerator = _create_local_subnet_enumerator,
		.add_ip = _add_ip,
		.del_ip = _del_ip,
		.add_route = _add_route,
		.del_route = _del_route,
		.destroy = _net_destroy,
	);
	return this;
}
