package httpapi

import (
	"context"
	"time"

	nfvpolicy "ringfence/api/nfvpolicy"
	wire "ringfence/api/placement"
	"ringfence/internal/placement"
)

// deliveryAttributes are those by which deliveries of notifications can be filtered.
func deliveryAttributes() filterable[placement.DeliveryRecord] {
	type record = placement.DeliveryRecord
	return filterable[record]{
		"id":               byText(func(d *record) string { return d.ID }),
		"state":            byName(func(d *record) placement.DeliveryState { return d.State }),
		"notificationId":   byText(func(d *record) string { return d.Event.ID }),
		"notificationType": byName(func(d *record) placement.NotificationType { return d.Event.Type }),
		"changeType":       byName(func(d *record) placement.PolicyOperation { return d.Event.Operation }),
		"policyIds":        byTexts(func(d *record) []string { return d.Event.PolicyIDs }),
		"timeStamp":        byTime(func(d *record) time.Time { return d.Event.At }),
		"subscriptionId":   byText(func(d *record) string { return d.SubscriptionID }),
		"clientId":         byText(func(d *record) string { return d.ClientID }),
		"callbackUri":      byText(func(d *record) string { return d.CallbackURI }),
		"attempts":         byNumber(func(d *record) int64 { return int64(d.Attempts) }),
		"lastError":        byText(func(d *record) string { return d.LastError }),
		"nextAttemptAt":    byTime(func(d *record) time.Time { return d.DueAt }),
		"settledAt":        byTime(func(d *record) time.Time { return d.SettledAt }),

		"subscriptionSuspendedAt": byTime(func(d *record) time.Time { return d.SuspendedAt }),
	}
}

// ListNotificationDeliveries returns a page of what became of notifications.
func (a placementAPI) ListNotificationDeliveries(ctx context.Context, req wire.ListNotificationDeliveriesRequestObject) (wire.ListNotificationDeliveriesResponseObject, error) {
	f, err := deliveryAttributes().parse(req.Params.Filter)
	if err != nil {
		return nil, err
	}
	list, link, err := readPage(ctx, a.Server, req.Params.NextpageOpaqueMarker, f, source[placement.DeliveryRecord]{
		read: func(ctx context.Context, page placement.Page) ([]placement.DeliveryRecord, error) {
			return a.Records.ListDeliveries(ctx, placement.DeliveryState(f.equal["state"]), page)
		},
		key: func(d *placement.DeliveryRecord) string { return d.ID },
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
