package httpapi

import (
	"context"

	nfvpolicy "ringfence/api/nfvpolicy"
	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// ListNotificationDeliveries returns a page of what became of notifications.
func (a placementAPI) ListNotificationDeliveries(ctx context.Context, req wire.ListNotificationDeliveriesRequestObject) (wire.ListNotificationDeliveriesResponseObject, error) {
	list, link, err := readPage(ctx, a.Server, req.Params.Filter, req.Params.NextpageOpaqueMarker, source[placement.DeliveryRecord]{
		read: a.Records.ListDeliveries,
		key:  func(d *placement.DeliveryRecord) string { return d.ID },
	})
	if err != nil {
		return nil, err
	}
	return wire.ListNotificationDeliveries200JSONResponse{
		Body: mapped(list, deliveryToWire), Headers: wire.ListNotificationDeliveries200ResponseHeaders{Link: link},
	}, nil
}

func deliveryToWire(d *placement.DeliveryRecord) wire.NotificationDelivery {
	return wire.NotificationDelivery{
		ID: d.ID, State: wire.NotificationDeliveryState(d.State), NotificationID: d.Event.ID,
		NotificationType: nfvpolicy.PolicyNotificationType(d.Event.Type), ChangeType: nfvpolicy.PolicyOperationType(d.Event.Operation),
		PolicyIDs: d.Event.PolicyIDs, TimeStamp: d.Event.At, SubscriptionID: d.SubscriptionID, ClientID: d.ClientID, CallbackURI: d.CallbackURI,
		Attempts: int64(d.Attempts), LastError: d.LastError, NextAttemptAt: d.DueAt, SettledAt: d.SettledAt, SubscriptionSuspendedAt: d.SuspendedAt,
	}
}
