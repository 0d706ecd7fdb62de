-- What was done with a restored copy before it was handed over: 'compared', all of it was read back; 'loaded', the digests of what the server was
-- given are the backup's; 'examined', 'recovered' and 'unpacked' are a cluster's, with and without a look at its pages, and without a start.
alter table backup_mgmt.recovery_operation_s
  add column proof text null constraint recovery_operation_s_proof_known
    check (proof in ('compared', 'loaded', 'examined', 'recovered', 'unpacked'));
