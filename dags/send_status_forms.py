"""The Airflow DAG `send_status_forms`; `wiring.py` makes it."""

from airflow.sdk import DAG
from wiring import send_forms

dag: DAG = send_forms(
    purpose="Hvert center har sit skema i god tid før en budgetopfølgning, og nogen hører det, hvis et svar mangler.",
    description="""
`look_in_calendar` afgør, hvad dagen kræver. På dagen for skemaerne skriver `write_forms` et Excel-ark pr. center med de
åbne milepæle i `follow_up/<kode>/forms/` under varehusets mappe; derfra sendes de til centrene. Morgenen efter fristen
ser `check_forms` efter, hvis skema der ikke er kommet svar på. Svar lægges i `inbox/milestone_status/`.
""",
    when_it_fails="""
- **`check_forms` er rød:** loggen nævner de centre, der mangler, og hvem der rykker dem. Et svar, der er kommet, men er
  afvist, står i `warehouse status` med årsagen. Opgaven skal ikke ryddes; svarene tages af næste nat.
- **`write_forms` er rød:** oftest fordi der ingen udgivelse er at læse milepæle i. Ret årsagen, og ryd opgaven (Clear);
  de samme skemaer skrevet igen er de samme filer.
- **Den blev sprunget over, eller datoen er passeret for længe siden:** `warehouse follow-up forms <kode>`, eller start
  den i hånden med koden. Sig til Center for Økonomi, at skemaerne kommer senere.
- **`look_in_calendar` er rød:** koden findes ikke, eller kalenderen har en række, der ikke kan læses; loggen nævner
  linjen.
""",
)
